"""A sweep: every job is composed and checked before the first one starts; each is a process."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.errors import HydraException
from hydra.types import RunMode

from lmlab import launch
from lmlab.check import check_composed
from lmlab.config import resolve, run_folder
from lmlab.config.compose import Composed, Composer
from lmlab.config.error import ConfigError
from lmlab.config.origin import readable
from lmlab.config.report import WRONG_CONFIG
from lmlab.config.secrets import redact


@dataclass(slots=True)
class Job:
    """One job of a sweep: what was overridden, its configuration, and how it ended."""

    overrides: list[str]
    composed: Composed
    folder: Path | None = None
    code: int | None = None

    @property
    def label(self) -> str:
        """The overrides as one line without secrets."""
        return redact(" ".join(self.overrides))

    @property
    def status(self) -> str:
        """finished, stopped, failed (exit code) or not started."""
        if self.code is None:
            return "not started"
        if self.code == 0:
            return "finished"
        return "stopped" if self.code in launch.STOPPED else f"failed ({self.code})"


def run_sweep(composer: Composer, overrides: list[str]) -> int:
    """Run all jobs; 0 when all finished, 130 or 143 when stopped, else 1. Raises: ConfigError."""
    jobs = plan(composer, overrides)
    varied = _varied(jobs)
    config = resolve.plain(jobs[0].composed.cfg)
    parent = _Parent(config, f"sweep of {', '.join(varied) or 'one job'}", overrides)
    status, code = "failed", 1
    try:
        code = _run_all(jobs, parent.run_id)
        status = "interrupted" if code in launch.STOPPED else "failed" if code else "finished"
    finally:
        parent.finish(status)
        print(table(jobs), flush=True)
    return code


def plan(composer: Composer, overrides: list[str]) -> list[Job]:
    """All jobs of the product, composed and checked. Raises: ConfigError if any is wrong."""
    master = composer.compose(overrides, RunMode.MULTIRUN)
    hydra = master.hydra
    for name, only in (("sweeper", "BasicSweeper"), ("launcher", "BasicLauncher")):
        if not str(hydra[name]._target_).endswith("." + only):
            raise ConfigError(
                [f"hydra/{name}: lmlab runs the jobs of a sweep itself; leave it out"]
            )
    params = [f"{key}={value}" for key, value in (hydra.sweeper.params or {}).items()]
    own = [text for text in overrides if text.lstrip("+~").startswith("hydra")]
    own = [text for text in own if not text.lstrip("+").startswith("hydra.mode")]
    parsed = composer.parse([*params, *master.overrides])
    try:
        products = BasicSweeper.split_arguments(parsed, None)[0]
    except (HydraException, AssertionError) as error:
        raise ConfigError([redact(str(error))]) from error
    return _checked(composer, own, products)


def _checked(composer: Composer, own: list[str], products: list[list[str]]) -> list[Job]:
    """Every job composed and checked; the mistakes of all are told together, each once."""
    jobs: list[Job] = []
    wrong: dict[str, None] = {}
    for product in products:
        try:
            composed = composer.compose([*own, *product])
            check_composed(composed, composer.places)
            jobs.append(Job(list(product), composed))
        except ConfigError as error:
            wrong |= dict.fromkeys(error.lines)
    if wrong:
        bad = len(products) - len(jobs)
        raise ConfigError([*wrong, f"({bad} of {len(products)} jobs; none was started)"])
    return jobs


def _varied(jobs: list[Job]) -> list[str]:
    """Keys that differ between jobs."""
    seen: dict[str, set[str]] = {}
    for job in jobs:
        for text in job.overrides:
            key, _, value = text.partition("=")
            seen.setdefault(key, set()).add(value)
    return [key for key, values in seen.items() if len(values) > 1]


def _run_all(jobs: list[Job], parent_run_id: str | None) -> int:
    varied = _varied(jobs)
    for number, job in enumerate(jobs, 1):
        composed = job.composed
        swept = " ".join(text for text in job.overrides if text.partition("=")[0] in varied)
        job.folder = run_folder.create(
            composed.cfg, composed.choices, composed.overrides, parent_run_id, swept or None
        )
        print(f"job {number}/{len(jobs)}: {job.label} -> {readable(job.folder)}", flush=True)
        devices = int(composed.cfg.hardware.get("devices", 1))
        job.code = launch.launch(job.folder / "config.yaml", devices)
        if job.code == WRONG_CONFIG:
            run_folder.forget(job.folder)
        if job.code:
            print(
                f"job {number}/{len(jobs)} {job.status}: {job.label}", file=sys.stderr, flush=True
            )
        if job.code in launch.STOPPED:
            return job.code
    return 1 if any(job.code for job in jobs) else 0


def table(jobs: list[Job]) -> str:
    """One line a job: number, status, folder, overrides."""
    lines = ["", f"{'job':>4}  {'status':<12} {'overrides':<40} folder"]
    for number, job in enumerate(jobs, 1):
        folder = readable(job.folder.resolve()) if job.folder else "-"
        lines.append(f"{number:>4}  {job.status:<12} {job.label:<40} {folder}")
    return "\n".join(lines)


class _Parent:
    """The sweep's own folder and MLflow run, that every job's run is a child of.

    With track=none, or any tracking without a project, there is neither.
    """

    def __init__(self, config: dict[str, Any], name: str, overrides: list[str]) -> None:
        self.run_id: str | None = None
        self._root = Path(config["run"]["root"])
        track = config["track"]
        if "project" not in track:
            return
        from lmlab.track.parent import start_parent

        self._uri, text = track.get("uri"), redact(" ".join(overrides))
        self._folder = run_folder.create_sweep(str(self._root), text)
        self.run_id = start_parent(
            folder=self._folder,
            root=self._root,
            uri=self._uri,
            project=track["project"],
            name=config["run"]["name"] or name,
            tags={"overrides": text},
            note=f"`lmlab -m {text}`",
        )

    def finish(self, status: str) -> None:
        """Close the parent run: finished, failed or interrupted."""
        if self.run_id is None:
            return
        from lmlab.track.parent import finish_parent

        finish_parent(folder=self._folder, root=self._root, uri=self._uri, status=status)
