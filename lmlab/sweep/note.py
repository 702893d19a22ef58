"""A sweep's page in MLflow: one Markdown text that shows first what a person came for, and fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lmlab.sweep.result import Result
from lmlab.track.folder import read_json

MAX_LETTERS = 7900  # MLflow cuts a description at 8000
NOT_SHOWN = ("run",)  # columns of the table that the link to the run stands for


def fitted(before: Sequence[str], table: Sequence[str], after: Sequence[str]) -> str:
    """The lines one below the other; of a table that is too long for the page, the first rows.

    Where the rest alone is too long, its end is cut with a word on where all of it is.
    """
    rest = sum(len(line) + 1 for line in (*before, *after)) + 100
    kept, room = list(table[:2]), MAX_LETTERS - rest - sum(len(line) + 1 for line in table[:2])
    for line in table[2:]:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    hidden = len(table) - len(kept)
    more = ["", f"and {hidden} more, in the artifact table.json"] if hidden else []
    text = "\n".join([*before, *kept, *more, "", *after])
    if len(text) <= MAX_LETTERS:
        return text
    said = "\n\n(cut; all of it is in the artifacts)"
    return text[: MAX_LETTERS - len(said)].rpartition("\n")[0] + said


def linked(rows: list[dict[str, Any]], results: Sequence[Result]) -> list[dict[str, Any]]:
    """The rows of the table with every job as a link to its run's page, where that is known."""
    found = []
    for row, result in zip(rows, results, strict=True):
        shown = {key: value for key, value in row.items() if key not in NOT_SHOWN}
        known = {} if result.folder is None else read_json(result.folder / "run.json")
        run, project = known.get("mlflow_run_id"), known.get("experiment_id")
        if run and project:
            shown["job"] = f"[{row['job']}](#/experiments/{project}/runs/{run})"
        found.append(shown)
    return found


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
