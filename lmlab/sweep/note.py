"""A sweep's page in MLflow: one Markdown text that shows first what a person came for, and fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lmlab.sweep.result import Result
from lmlab.track.folder import read_json

MAX_LETTERS = 7900  # MLflow cuts a description at 8000
SAID = 60  # letters of a word on what is left out
FEW_ROWS = 5  # of the table, which are shown however long the rest is
NOT_SHOWN = ("run",)  # columns of the table that the link to the run stands for


def fitted(before: Sequence[str], table: Sequence[str], after: Sequence[str]) -> str:
    """The lines one below the other; of a table that is too long for the page, the first rows.

    Where that leaves no room for a few rows, the end of `before` is cut. Both are said, with where
    all of it is.
    """
    few, end = table[: 2 + FEW_ROWS], "\n".join(["", *after])
    above = _cut("\n".join(before), MAX_LETTERS - _size(few) - len(end) - SAID)
    kept, room = list(table[:2]), MAX_LETTERS - len(above) - _size(table[:2]) - len(end) - SAID
    for line in table[2:]:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    hidden = len(table) - len(kept)
    more = ["", f"and {hidden} more, in the artifact table.json"] if hidden else []
    return "\n".join([above, *kept, *more, end])[:MAX_LETTERS]


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _cut(text: str, room: int) -> str:
    """The first whole lines of a text that is longer than `room`, with a word on the rest."""
    if len(text) <= room:
        return text
    said = "\n\n(cut; all of it is in the artifacts)\n"
    return text[: max(0, room - len(said))].rpartition("\n")[0] + said


def linked(rows: list[dict[str, Any]], results: Sequence[Result]) -> list[dict[str, Any]]:
    """The rows of the table with every job as a link to its run's page, where that is known."""
    found = []
    for row, result in zip(rows, results, strict=True):
        shown = {key: value for key, value in row.items() if key not in NOT_SHOWN}
        shown["job"] = link(row["job"], result.folder)
        found.append(shown)
    return found


def link(name: str, folder: Path | None) -> str:
    """A link to the page of the run or sweep of this folder, the name alone where none is known."""
    known = {} if folder is None else read_json(folder / "run.json")
    run, project = known.get("mlflow_run_id"), known.get("experiment_id")
    return f"[{name}](#/experiments/{project}/runs/{run})" if run and project else name


def figures(files: Sequence[str], folder: Path) -> list[str]:
    """The figures among a sweep's files, as pictures on its page; none while that has no address."""
    run = read_json(folder / "run.json").get("mlflow_run_id")
    if not run:
        return []
    lines: list[str] = []
    for file in files:
        if file.endswith(".png"):
            name = Path(file).stem.replace("_", " ")
            lines += [f"![{name}](get-artifact?path={quote(file)}&run_uuid={run})", ""]
    return lines
