"""The launcher `local`: every job is a process of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

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


class Local:
    """`jobs` at once, each in as many processes as hardware.devices says.

    Raises: ValueError for less than one job.
    """

    def __init__(self, *, jobs: int) -> None:
        if jobs < 1:
            raise ValueError(f"launcher.jobs={jobs} must be 1 or more")
        self.at_once: int | None = jobs

    def threads(self, num_processes: int) -> int | None:
        """CPU threads of each process of a job of so many processes."""
        cores = len(os.sched_getaffinity(0))
        return max(1, cores // ((self.at_once or 1) * num_processes))

    def start(self, task: Task) -> Process:
        """Start the job's supervisor in a process group of its own."""
        with task.output.open("ab", buffering=0) as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "lmlab.sweep.task", str(task.path)],
                env=package_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        return Process(process)


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
