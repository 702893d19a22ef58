"""What jobs that train nothing have answered, for the page of their sweep."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lmlab.sweep.note import link
from lmlab.sweep.result import Result

WRITTEN = (".md", ".png", ".pdf", ".csv", ".json")
OF_FOLDER = ("run.json", "sweep.json")  # what a run's and a sweep's folder say of themselves


@dataclass(frozen=True, slots=True)
class Answers:
    """note: Markdown; files: names in the sweep's folder; metrics: those that one job alone has."""

    note: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)


def answers(results: Sequence[Result], folder: Path, taken: Collection[str] = ()) -> Answers:
    """All that the finished jobs with a report.md wrote, copied into `folder`.

    A file keeps its name where no other job has it and neither the sweep itself (`taken`); else the
    name of its run's folder stands before it.
    """
    written = {
        result.folder: _written(result.folder)
        for result in results
        if result.folder is not None and result.state == "finished"
    }
    asked = [result for result in results if result.folder and written.get(result.folder)]
    names = Counter(path.name for paths in written.values() for path in paths)
    names.update((*taken, *OF_FOLDER))
    made = Answers()
    logged = Counter(name for result in asked for name in result.metrics)
    for result in asked:
        assert result.folder is not None
        report = (result.folder / "report.md").read_text(encoding="utf-8")
        made.note.extend([f"## {link(result.name, result.folder)}", "", report, ""])
        for path in written[result.folder]:
            alone = names[path.name] == 1
            name = path.name if alone else f"{result.folder.name}-{path.name}"
            shutil.copyfile(path, folder / name)
            made.files.append(name)
        made.metrics.update({k: v for k, v in result.metrics.items() if logged[k] == 1})
    return made


def _written(run: Path) -> list[Path]:
    """Report, figures, tables and results of a run that answered; [] for any other."""
    if not (run / "report.md").is_file():
        return []
    places = (run / "track" / "files", run)
    found = {path.name: path for place in places if place.is_dir() for path in place.iterdir()}
    return [p for name, p in sorted(found.items()) if p.suffix in WRITTEN and name not in OF_FOLDER]
