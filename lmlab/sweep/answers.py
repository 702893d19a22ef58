"""What jobs that train nothing have answered, for the page of their sweep."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from lmlab.sweep.result import Result


def answers(results: Sequence[Result], folder: Path) -> tuple[list[str], list[str]]:
    """The Markdown of every report.md in a job's folder, and its figures as files of `folder`."""
    note: list[str] = []
    files: list[str] = []
    for result in results:
        report = None if result.folder is None else result.folder / "report.md"
        if report is None or result.state != "finished" or not report.is_file():
            continue
        note += [f"## {result.name}", "", report.read_text(encoding="utf-8"), ""]
        for figure in sorted(report.parent.glob("*.png")):
            shutil.copyfile(figure, folder / figure.name)
            files.append(figure.name)
    return note, list(dict.fromkeys(files))
