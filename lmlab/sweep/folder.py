"""A sweep's own folder, `<run.root>/sweeps/<name>-<hash>/`: which jobs, where, how far."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lmlab.config.error import ConfigError
from lmlab.config.origin import readable
from lmlab.config.run_folder import slug
from lmlab.config.secrets import redact
from lmlab.sweep.plan import Plan, Planned
from lmlab.sweep.task import Task
from lmlab.track.folder import read_json, write_json

NEW = "new"


@dataclass(slots=True)
class Entry:
    """What sweep.json keeps of a job; folder: the run's, relative to run.root."""

    number: int
    name: str
    overrides: list[str]
    hash: str
    state: str = "waiting"
    folder: str | None = None
    code: int | None = None
    attempts: int = 0


@dataclass(slots=True)
class SweepFolder:
    """The folder of a sweep; `save` writes sweep.json so that a crash never leaves half of it."""

    path: Path
    root: Path
    entries: list[Entry]
    about: dict[str, Any] = field(default_factory=dict)
    trials: int | None = None  # of a search, which comes to its jobs one by one

    @property
    def num_jobs(self) -> int:
        """How many there are in the end."""
        return max(len(self.entries), self.trials or 0)

    @property
    def is_new(self) -> bool:
        """Whether no job has begun."""
        return all(entry.folder is None for entry in self.entries)

    def save(self) -> None:
        """Write sweep.json."""
        record = {**self.about, "jobs": [asdict(entry) for entry in self.entries]}
        write_json(self.path / "sweep.json", record)

    def task(self, entry: Entry) -> Task:
        """The files of a job."""
        return Task(self.path / "jobs" / f"{entry.number:03}.json")

    def run_folder(self, entry: Entry) -> Path | None:
        """The run's folder, if it has one."""
        return None if entry.folder is None else self.root / entry.folder


@contextmanager
def opened(plan: Plan) -> Iterator[SweepFolder]:
    """The folder of the same jobs as before, else a new one; no other launcher has it meanwhile.

    Raises: ConfigError for a sweep.resume that is not found or has other jobs, and for a sweep
    that is running.
    """
    root = Path(plan.config["run"]["root"]).expanduser()
    path = _place(plan, root)
    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / "sweep.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError([f"{readable(path)}: this sweep is running already"]) from None
    try:
        folder = _joined(plan, root, path)
        folder.save()
        yield folder
    finally:
        lock.release()


def _place(plan: Plan, root: Path) -> Path:
    resume = plan.config["sweep"]["resume"]
    if resume not in (None, NEW):
        return find(resume, root)
    base = root / "sweeps" / f"{slug(name_of(plan))}-{plan.hash}"
    number = 1
    while _numbered(base, number + 1).is_dir():
        number += 1
    if resume == NEW and base.is_dir():
        number += 1
    return _numbered(base, number)


def _numbered(base: Path, number: int) -> Path:
    return base if number == 1 else base.with_name(f"{base.name}-{number}")


def name_of(plan: Plan) -> str:
    """run.name, the experiment's name, or the keys that are swept."""
    option = plan.choices.get("experiment")
    return plan.config["run"]["name"] or option or "_".join(plan.varied) or "one"


def find(resume: str, root: Path) -> Path:
    """A sweep by its folder, its name under sweeps/, or the id of its MLflow run."""
    for path in (Path(resume), root / "sweeps" / resume):
        if (path / "sweep.json").is_file():
            return path
    folders = sorted(path.parent for path in root.glob("sweeps/*/sweep.json"))
    for path in folders:
        if read_json(path / "run.json").get("mlflow_run_id") == resume:
            return path
    have = f"; there are {', '.join(p.name for p in folders[-3:])}" if folders else ""
    raise ConfigError(
        [f"sweep.resume={resume}: no such sweep folder, nor one with that MLflow run id{have}"]
    )


def _joined(plan: Plan, root: Path, path: Path) -> SweepFolder:
    """What is known of these jobs already, and what is not. Raises: ConfigError for other jobs."""
    record = read_json(path / "sweep.json")
    plan.recall(record)
    known = {job["hash"]: Entry(**job) for job in record.get("jobs", [])}
    wanted = {job.hash for job in plan.jobs}
    if known and set(known) != wanted:
        raise ConfigError(difference(plan, list(known.values()), path))
    entries = [
        known.get(job.hash) or Entry(number, job.name, _redacted(job), job.hash)
        for number, job in enumerate(plan.jobs, 1)
    ]
    words = [redact(text) for text in plan.overrides if not text.startswith("sweep.resume=")]
    about = {"overrides": words, "hash": plan.hash, "pid": os.getpid()}
    return SweepFolder(path, root, entries, {**record, **about}, plan.config["sweep"].get("trials"))


def _redacted(job: Planned) -> list[str]:
    return [redact(text) for text in job.overrides]


def difference(plan: Plan, known: list[Entry], path: Path) -> list[str]:
    """Which jobs there are now and were not then, and the other way round; a line each."""
    hashes = {entry.hash for entry in known}
    more = [job.label for job in plan.jobs if job.hash not in hashes]
    wanted = {job.hash for job in plan.jobs}
    fewer = [" ".join(entry.overrides) for entry in known if entry.hash not in wanted]
    lines = [f"sweep.resume={readable(path)}: it has other jobs than these"]
    lines += [f"  only now:  {text}" for text in more[:5]]
    lines += [f"  only then: {text}" for text in fewer[:5]]
    if len(more) > 5 or len(fewer) > 5:
        lines.append(f"  ({len(more)} only now, {len(fewer)} only then)")
    return [*lines, "leave out sweep.resume to run these as a new sweep"]


def recorded(resume: str, root: Path) -> list[str]:
    """The overrides that a sweep was started with."""
    return [str(text) for text in read_json(find(resume, root) / "sweep.json")["overrides"]]
