"""Which files hold labelled texts: tables, or one file a class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lmlab.data.format.rows import HUB, KINDS, find_tables, is_saved, kind

# Names of files that are about the data.
ABOUT = ("readme", "license", "licence", "notice", "citation", "changelog")
VALIDATION = ("validation", "valid", "val", "dev", "test")


@dataclass(frozen=True, slots=True)
class Found:
    """A table, a data set (hf:NAME), or, with a label, a file with a text of that class a line."""

    path: Path | str
    label: str | None = None


def find(paths: str | list[str] | dict[str, str], setting: str) -> list[Found]:
    """The files in order. A mapping gives each class its file; else files of no known table are
    classes by the part of their names in which they differ.

    Raises: ValueError for what is not there, and for a folder that holds both sides of a split.
    """
    if isinstance(paths, Mapping):
        return [Found(_file(path, setting), label) for label, path in paths.items()]
    found: list[Found] = []
    lines: list[Path] = []
    for text in [paths] if isinstance(paths, str) else paths:
        path = Path(text).expanduser()
        if text.startswith(HUB):
            found.append(Found(text))
        elif path.is_dir() and not is_saved(path):
            tables, others = _inside(path, setting)
            found += map(Found, tables)
            lines += others
        elif path.is_file() and kind(path) not in KINDS:
            lines.append(path)
        else:
            found += map(Found, find_tables([text], setting))
    if found and lines:
        raise ValueError(
            f"{setting} names both tables and {lines[0]}, which is none; give one kind"
        )
    return found or _classes(lines, setting)


def _file(text: str, setting: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_file():
        raise ValueError(f"{setting}={text}: there is no such file")
    return path


def _inside(folder: Path, setting: str) -> tuple[list[Path], list[Path]]:
    """The tables of a folder, or where it has none its other files."""
    files = sorted(each for each in folder.iterdir() if each.is_file())
    files = [each for each in files if not each.name.startswith(".")]
    files = [each for each in files if not each.name.lower().startswith(ABOUT)]
    tables = [each for each in files if kind(each) in KINDS]
    sides = [each for each in tables if each.name.split(".")[0].lower() in VALIDATION]
    if sides and len(tables) > len(sides):
        rest = sorted(set(tables) - set(sides), key=lambda each: "train" not in each.name)
        raise ValueError(
            f"{setting}={folder} holds {sides[0].name} beside {rest[0].name}; name the files: "
            f"data.source.paths={rest[0]} data.source.validation_paths={sides[0]}"
        )
    if not files:
        raise ValueError(f"{setting}={folder}: there is no file in it")
    return (tables, []) if tables else ([], files)


def _classes(paths: list[Path], setting: str) -> list[Found]:
    if len(paths) < 2:
        named = f"{setting}={paths[0]}" if paths else f"{setting}=[]"
        raise ValueError(
            f"{named}: one class needs another; give a folder or list of files, one a class, or "
            f"{setting}={{good: FILE, bad: FILE}}"
        )
    return [Found(path, name) for path, name in zip(paths, class_names(paths), strict=True)]


def class_names(paths: list[Path]) -> list[str]:
    """`pos` and `neg` of rt-polarity.pos and rt-polarity.neg: the words that the names do not share."""
    names = [re.split(r"[._\- ]+", path.name) for path in paths]
    shortest = min(map(len, names))
    start = _num_shared(names, shortest - 1)
    end = _num_shared([name[::-1] for name in names], shortest - 1 - start)
    found = ["_".join(name[start : len(name) - end]) for name in names]
    return found if len(set(found)) == len(found) else [str(path) for path in paths]


def _num_shared(names: list[list[str]], most: int) -> int:
    """How many words all names begin with, at most `most`."""
    for place in range(max(0, most)):
        if len({name[place] for name in names}) > 1:
            return place
    return max(0, most)
