"""Starts the jobs of a sweep, so many at once, and sees them to their end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

from omegaconf import DictConfig, OmegaConf

from lmlab import launch
from lmlab.config import run_folder
from lmlab.config.report import WRONG_CONFIG
from lmlab.sweep.folder import Entry, SweepFolder
from lmlab.sweep.gpus import wanted
from lmlab.sweep.local import Adopted
from lmlab.sweep.plan import Plan, Planned, refer
from lmlab.sweep.shared import take_over
from lmlab.sweep.task import Task, is_finished

KILLED = 137  # of a job that ended without a word
OPEN = ("waiting", "running")
PAUSE_SECONDS = 0.1


class Handle(Protocol):
    """A job that was started."""

    def ended(self) -> bool: ...

    def signal(self, number: int) -> None: ...


class Launcher(Protocol):
    """Starts jobs; at_once: how many may run at a time, None leaves that to a queue."""

    at_once: int | None

    def threads(self, num_processes: int) -> int | None: ...

    def check(self, wishes: Iterable[int]) -> str: ...

    def has_room(self, task: Task, num_gpus: int) -> bool: ...

    def start(self, task: Task) -> Handle: ...


class Show(Protocol):
    """What people see of it."""

    def started(self, entry: Entry) -> None: ...

    def ended(self, entry: Entry, again: bool) -> None: ...

    def tick(self) -> None: ...


class Dispatch:
    """One launcher's turn at a sweep: from the states on disk to those at its end."""

    done: tuple[str, ...] = ("finished",)  # states of a job with which all is well

    def __init__(
        self,
        plan: Plan,
        folder: SweepFolder,
        launcher: Launcher,
        *,
        worker: str,
    ) -> None:
        self.folder, self.launcher, self.worker = folder, launcher, worker
        self.plan, self.planned = plan, {job.hash: job for job in plan.jobs}
        self.retries: int = plan.config["sweep"]["retries"]
        self.fail_fast: bool = plan.config["sweep"]["fail_fast"]
        self.entries = {entry.hash: entry for entry in folder.entries}
        self.running: dict[str, Handle] = {}
        self.tries: dict[str, int] = {}
        self.received: list[int] = []
        self.stopping, self.blocked = False, False

    def run(self, show: Show, parent_run_id: str | None) -> int:
        """Run what `look` found left; 0 when all finished, 130 or 143 when stopped, else 1."""
        self.show, self.parent_run_id = show, parent_run_id
        with self._signals():
            while True:
                self._settle()
                self.blocked = False
                self._start()
                self.show.tick()
                if not self.running and not self.blocked:
                    break
                time.sleep(PAUSE_SECONDS)
        if self.received:
            return 128 + self.received[0]
        return 0 if all(entry.state in self.done for entry in self.folder.entries) else 1

    def look(self) -> None:
        """What counts is on disk: finished runs are done, those that still run are waited for."""
        take_over(self.plan, self.folder)
        for entry in self.folder.entries:
            run, task = self.folder.run_folder(entry), self.folder.task(entry)
            if run is not None and not (run / "config.yaml").is_file():
                entry.folder = run = None
            if run is not None and is_finished(run, task):
                entry.state, entry.code = "finished", 0
            elif run is not None and task.is_held():
                entry.state = "running"
                self.running[entry.hash] = Adopted(task)
            else:
                entry.state = "waiting"
        self.folder.save()

    # ---- pieces

    def _settle(self) -> None:
        for digest, handle in list(self.running.items()):
            if not handle.ended():
                continue
            entry, task = self.entries[digest], self.folder.task(self.entries[digest])
            if task.is_held():  # by one that an earlier launcher started
                self.running[digest] = Adopted(task)
                continue
            del self.running[digest]
            self._end(entry, task)
            self.folder.save()

    def _end(self, entry: Entry, task: Task) -> None:
        run = self.folder.run_folder(entry)
        assert run is not None
        state = task.state()
        entry.attempts = int(state.get("attempts", 0))
        if is_finished(run, task):
            entry.state, entry.code = "finished", 0
            self.show.ended(entry, again=False)
            return
        code = state.get("code")
        entry.code = KILLED if code is None else int(code)
        entry.state = self._how_it_ended(entry, task)
        again = self._again(entry)
        self.show.ended(entry, again)
        if again:
            entry.state = "waiting"
        elif entry.state == "failed" and self.fail_fast and not self.stopping:
            self.stopping = True
            self._signal(signal.SIGTERM)
        if entry.code == WRONG_CONFIG:
            run_folder.forget(run)
            entry.folder = entry.folder if run.is_dir() else None

    def _how_it_ended(self, entry: Entry, task: Task) -> str:
        """The state of a job that ended without having finished."""
        return "stopped" if entry.code in launch.STOPPED else "failed"

    def _again(self, entry: Entry) -> bool:
        """Whether a failed job is tried once more; one with wrong settings would fail again."""
        if entry.state != "failed" or entry.code == WRONG_CONFIG or self.stopping or self.received:
            return False
        self.tries[entry.hash] = self.tries.get(entry.hash, 0) + 1
        return self.tries[entry.hash] <= self.retries

    def _start(self) -> None:
        for entry in self.folder.entries:
            if self.stopping or self.received:
                return
            if self.launcher.at_once is not None and len(self.running) >= self.launcher.at_once:
                return
            if entry.state != "waiting" or not self._may(self.planned[entry.hash], entry):
                continue
            if not self._has_room(self.planned[entry.hash], entry):
                return
            self._begin(self.planned[entry.hash], entry)

    def _may(self, job: Planned, entry: Entry) -> bool:
        """Whether the jobs that this one needs have finished; it is left out if one has not."""
        states = {self.entries[digest].state for digest in job.needs.values()}
        if states - {"finished", *OPEN}:
            entry.state = "left out"
            self.folder.save()
        return states <= {"finished"}

    def _has_room(self, job: Planned, entry: Entry) -> bool:
        number = wanted(job.accelerator, job.devices)
        self.blocked = not self.launcher.has_room(self.folder.task(entry), number)
        return not self.blocked

    def _begin(self, job: Planned, entry: Entry) -> None:
        run, task = self.folder.run_folder(entry), self.folder.task(entry)
        if run is None:
            run = self._create(job)
            entry.folder = str(run.relative_to(self.folder.root))
            self.folder.save()
        task.write(
            config=str((run / "config.yaml").resolve()),
            processes=job.devices,
            accelerator=job.accelerator,
            threads=self.launcher.threads(job.devices),
            worker=self.worker,
        )
        task.note(code=None)
        self.running[entry.hash] = self.launcher.start(task)
        entry.state, entry.code = "running", None
        self.folder.save()
        self.show.started(entry)

    def _create(self, job: Planned) -> Any:
        places = {name: self._folder_of(digest) for name, digest in job.needs.items()}
        places |= {"all": str(self.folder.path)} if job.stage == "last" else {}
        overrides = [refer(text, places) for text in job.overrides]
        cfg = _referred(job.composed.cfg, places) if places else job.composed.cfg
        choices = {k: v for k, v in job.composed.choices.items() if k != "launcher"}
        return run_folder.create(cfg, choices, overrides, self.parent_run_id, job.name or None)

    def _folder_of(self, digest: str) -> str:
        return str(self.folder.run_folder(self.entries[digest]))

    def _signal(self, number: int) -> None:
        for handle in self.running.values():
            handle.signal(number)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT go to every job; no more are started."""

        def hand_on(number: int, frame: FrameType | None) -> None:
            self.received.append(number)
            self._signal(number)

        before = {n: signal.signal(n, hand_on) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _referred(cfg: DictConfig, places: dict[str, str]) -> DictConfig:
    """A copy in which @name is the folder it stands for."""

    def replace(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replace(item) for key, item in value.items()}
        if isinstance(value, list):
            return [replace(item) for item in value]
        return refer(f"={value}", places)[1:] if isinstance(value, str) else value

    made = OmegaConf.create(replace(OmegaConf.to_container(cfg, resolve=False)))
    assert isinstance(made, DictConfig)
    return made
