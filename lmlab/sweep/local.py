"""The launcher `local`: every job is a process of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from lmlab.sweep import gpus
from lmlab.sweep.task import Task, package_environment


class Process:
    """A started job: its supervisor, which hands signals on to the job's own processes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ended(self) -> bool:
        """Whether the supervisor, and so the job, has ended."""
        return self._process.poll() is not None

    def signal(self, number: int) -> None:
        """Ask the job to save and stop."""
        if self._process.poll() is None:
            self._process.send_signal(number)


def threads_each(jobs: int, num_processes: int) -> int:
    """This machine's cores divided among so many jobs of so many processes each."""
    return max(1, len(os.sched_getaffinity(0)) // (jobs * num_processes))


class Local:
    """`jobs` at once, each in as many processes as hardware.devices says, on GPUs of its own.

    share_gpus: jobs need not wait for a GPU without another job. Raises: ValueError for less than
    one job.
    """

    def __init__(self, *, jobs: int, share_gpus: bool) -> None:
        if jobs < 1:
            raise ValueError(f"launcher.jobs={jobs} must be 1 or more")
        self.at_once: int | None = jobs
        self.share_gpus = share_gpus
        self._given: dict[Path, tuple[Process, list[str]]] = {}

    @cached_property
    def gpus(self) -> list[str]:
        """Those of this machine, as CUDA_VISIBLE_DEVICES names them."""
        return gpus.names_of(os.environ, gpus.count_gpus())

    def check(self, wishes: Iterable[int]) -> str:
        """As `gpus.check` on this machine."""
        return gpus.check(self.gpus, wishes, self.at_once or 1, self.share_gpus)

    def threads(self, num_processes: int) -> int | None:
        """CPU threads of each process of a job of so many processes."""
        return threads_each(self.at_once or 1, num_processes)

    def has_room(self, task: Task, num_gpus: int) -> bool:
        """Whether so many GPUs are free for the job; always where the machine has none."""
        return self._choose(task, num_gpus) is not None

    def start(self, task: Task) -> Process:
        """Start the job's supervisor in a process group of its own."""
        what = task.what()
        chosen = self._choose(task, gpus.wanted(what["accelerator"], what["processes"]))
        own = {gpus.VARIABLE: ",".join(chosen)} if chosen else {}
        task.note(gpus=chosen or [])
        with task.output.open("ab", buffering=0) as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "lmlab.sweep.task", str(task.path)],
                env=package_environment() | own,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        started = Process(process)
        self._given[task.path] = started, chosen or []
        return started

    def _choose(self, task: Task, number: int) -> list[str] | None:
        if not number or not self.gpus:
            return []
        return gpus.choose(self.gpus, self._used(task), number, self.share_gpus)

    def _used(self, task: Task) -> list[str]:
        """GPUs of the sweep's running jobs, also of those that an earlier launcher started."""
        self._given = {path: one for path, one in self._given.items() if not one[0].ended()}
        used = [name for _, names in self._given.values() for name in names]
        for other in task.others():
            if other.path not in self._given and other.is_held():
                used += other.state().get("gpus", [])
        return used


class Adopted:
    """A job that an earlier launcher started and that still runs: it holds the job's lock."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def ended(self) -> bool:
        """Whether nothing holds the job's lock any more."""
        return not self._task.is_held()

    def signal(self, number: int) -> None:
        """Ask its supervisor, where that is a process of this machine."""
        signal_supervisor(self._task, number)


def signal_supervisor(task: Task, number: int) -> bool:
    """Signal the process that holds the job's lock; False where none of this machine does."""
    state = task.state()
    if state.get("host") != os.uname().nodename or not task.is_held():
        return False
    try:
        os.kill(int(state["pid"]), signal.Signals(number))
    except (ProcessLookupError, PermissionError, KeyError):
        return False
    return True


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a job's output, without empty ones."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
