"""A job whose stage needs no model: its answer is printed, kept in the run's folder, and tracked."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import Any

import hydra
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import lmlab
from lmlab.job import Job
from lmlab.record import git_tags, parameters
from lmlab.scaling.answer import Answer
from lmlab.track.folder import write_json
from lmlab.verdict import verdict


def inquire(job: Job) -> int:
    """Ask the stage, print and keep what it says; 0. Raises: ValueError for what a user can fix.

    The answer is on the screen before a tracking store is opened.
    """
    started = time.time()
    stage = hydra.utils.instantiate(job.config["stage"], _convert_="all")
    answer: Answer = stage.answer(**supplies(job, inspect.signature(stage.answer).parameters))
    rows, tags = _judged(job.config.get("experiment"), answer.metrics)
    console = Console(highlight=False)
    console.print(Markdown(answer.text))
    files = answer.save(job.folder)
    write_json(job.folder / "metrics.json", answer.metrics)
    console.print(_panel(job, answer.summary | rows, started))
    _track(job, answer, files, tags)
    return 0


def supplies(job: Job, wanted: Any) -> dict[str, Any]:
    """What a stage asks for by the names of its method's arguments; imported when it is."""
    found: dict[str, Any] = {}
    if "subject" in wanted:
        from lmlab.subject import other_arch, subject_of

        found["subject"] = subject_of(job.config, job.choices)
        found["other"] = lambda name: other_arch(job.config, job.choices, name)
    if "arch" in wanted:
        from lmlab.subject import arch_of

        found["arch"] = arch_of(job.config)
    if "read_runs" in wanted:
        from lmlab.tracked import KEPT, read_runs

        root = Path(job.config["run"]["root"])
        found["read_runs"] = lambda names, kept=KEPT: read_runs(
            names, root, job.config["track"], kept, job.folder
        )
    return {name: value for name, value in found.items() if name in wanted}


def _judged(
    asked: dict[str, Any] | None, metrics: dict[str, float]
) -> tuple[dict[str, str], dict[str, str]]:
    """Rows for the panel and tags: the verdict of an experiment."""
    if not asked:
        return {}, {}
    blocked_by = asked.get("believed_blocked_by")
    result, used = verdict(asked["expect"], metrics, finished=True, blocked_by=blocked_by)
    figures = ", ".join(f"{name} = {value:.4g}" for name, value in used.items())
    rows = {"question": asked["question"], "verdict": f"{result}: {asked['expect']} ({figures})"}
    return rows, {"verdict": result, "verdict.rests_on": figures}


def _panel(job: Job, rows: dict[str, str], started: float) -> Panel:
    table = Table(show_header=False, box=None, padding=(0, 1))
    for name, value in (rows | {"folder": _short(job.folder), "compare": "lmlab ui"}).items():
        table.add_row(name, Text(value, overflow="fold"))
    return Panel(table, title=f"answered in {time.time() - started:.1f}s", title_align="left")


def _track(job: Job, answer: Answer, files: list[Path], tags: dict[str, str]) -> None:
    """Send it to the store of `track`; nothing with track=none."""
    track = job.config["track"]
    if "project" not in track:
        return
    from lmlab.track.brief import Brief

    root = Path(job.config["run"]["root"]).resolve()
    tracker = Brief(job.folder, root, track["uri"], track["project"])
    choices = {group: str(option) for group, option in job.choices.items() if "/" not in group}
    about = {"lmlab.version": lmlab.__version__, "config_hash": job.hash, **git_tags()}
    tracker.start(job.name, choices | about, parameters(job), job.parent_run_id)
    tracker.metrics(answer.metrics)
    for file in (job.folder / "config.yaml", *files):
        tracker.file(file, file.name if file.suffix in (".yaml", ".md") else f"report/{file.name}")
    for name, rows in answer.tables.items():
        tracker.table(rows, f"{name}.json")
    tracker.tags(tags | {"mlflow.note.content": _page(job, root, answer.text)})
    tracker.end("finished", track["request_seconds"])


def _page(job: Job, root: Path, text: str) -> str:
    """The text under links to the runs that were read, but for those of the job's own sweep."""
    from lmlab.tracked import pages

    names = list(job.config["stage"].get("runs") or [])
    read = pages(names, root, job.folder, job.parent_run_id)
    return f"Read: {', '.join(read)}\n\n{text}" if read else text


def _short(path: Path) -> str:
    """A path as one would type it here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
