"""Paths, folders and globs, as a person writes them, to the text files that they name."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

PLAIN = (".txt", ".md", ".py")
TABLES = (".jsonl", ".parquet")
KNOWN = (*PLAIN, *TABLES)
KNOWN_WORDS = ", ".join(KNOWN) + ", each also with .gz"


def kind(path: Path) -> str:
    """The suffix that says how a file is read: `.txt` for book.txt and for book.txt.gz."""
    name = path.name.removesuffix(".gz")
    return Path(name).suffix.lower()


def find_files(paths: Iterable[str]) -> list[Path]:
    """Every text file named, in the order named, those of a folder or glob by name; none twice.

    Raises: ValueError for a path that is not there, names no text file, or is of no known kind.
    """
    found: dict[Path, Path] = {}
    for text in paths:
        for path in _files(text):
            found.setdefault(path.resolve(), path)
    if not found:
        raise ValueError("data.source.paths=[] names no file; give a file, a folder or a glob")
    return list(found.values())


def _files(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_dir():
        return _only_known(text, sorted(path.rglob("*")), path)
    if path.exists():
        if kind(path) not in KNOWN:
            raise ValueError(f"data.source.paths={text} is not one of {KNOWN_WORDS}")
        return [path]
    if glob.has_magic(text):
        matches = sorted(glob.glob(str(path), recursive=True))
        return _only_known(text, [Path(match) for match in matches], None)
    raise ValueError(f"data.source.paths={text}: no such file or folder{_nearest(path)}")


def _only_known(text: str, paths: list[Path], root: Path | None) -> list[Path]:
    """The text files among `paths`; hidden ones, and those in hidden folders, are left out."""
    files = []
    for path in paths:
        inner = path.relative_to(root).parts if root else path.parts[-1:]
        hidden = any(part.startswith(".") for part in inner)
        if not hidden and kind(path) in KNOWN and path.is_file():
            files.append(path)
    if not files:
        raise ValueError(
            f"data.source.paths={text} has no text file among its {len(paths)} entries; "
            f"read are {KNOWN_WORDS}"
        )
    return files


def _nearest(path: Path) -> str:
    """What there is instead, as the end of a sentence."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        path, folder = folder, folder.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {folder / near[0]}?"
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    return f"; {folder.resolve()} has {shown or 'nothing in it'}"
