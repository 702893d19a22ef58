"""One job's process: holds the job's lock, starts its worker, and writes down how it ended.

`python -m lmlab.sweep.task <sweep>/jobs/003.json` is what every launcher starts. Whoever starts it
twice starts one job: the second finds the lock held, or the job finished.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmlab import launch
from lmlab.track.folder import read_json, write_json

HELD = 75  # exit code: another process has this job


@dataclass(frozen=True, slots=True)
class Task:
    """The files of one job in the sweep's folder, named after `path`, `<sweep>/jobs/003.json`.

    003.json: what to run; 003.state.json: how far it is; 003.txt: all it printed; 003.lock: held
    by every process of the job.
    """

    path: Path

    @property
    def output(self) -> Path:
        """Everything that the job printed."""
        return self.path.with_suffix(".txt")

    def write(self, **what: Any) -> None:
        """config, processes, threads, worker: see `run`; accelerator: for the launcher."""
        write_json(self.path, what)

    def what(self) -> dict[str, Any]:
        """What was written."""
        return read_json(self.path)

    def others(self) -> list[Task]:
        """The other jobs of the sweep."""
        found = self.path.parent.glob("*.json")
        return [Task(p) for p in found if p != self.path and not p.name.endswith(".state.json")]

    def state(self) -> dict[str, Any]:
        """pid, host, attempts, the GPUs it was given and, once it has ended, code."""
        return read_json(self.path.with_suffix(".state.json"))

    def note(self, **changes: Any) -> None:
        """Change the state; the keys not named stay."""
        write_json(self.path.with_suffix(".state.json"), self.state() | changes)

    def is_held(self) -> bool:
        """Whether a process of the job is alive."""
        with self.lock() as lock:
            return lock is None

    @contextmanager
    def lock(self) -> Iterator[int | None]:
        """The job's lock as an open file, None where it is held; it ends with the last holder."""
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            yield lock if _locked(lock) else None
        finally:
            os.close(lock)


def run(path: Path) -> int:
    """Start the worker of a job, or let it go on where it stopped; the exit code of the job."""
    task = Task(path)
    with task.lock() as lock:
        if lock is None:
            return HELD
        what = task.what()
        config = Path(what["config"])
        if is_finished(config.parent, task):
            return 0
        attempts = int(task.state().get("attempts", 0)) + 1
        about = {"pid": os.getpid(), "host": os.uname().nodename, "started": time.time()}
        task.note(**about, attempts=attempts, code=None)
        if what["threads"] is not None:
            os.environ.setdefault("OMP_NUM_THREADS", str(what["threads"]))
        with task.output.open("ab", buffering=0) as output:
            code = launch.launch(
                config,
                what["processes"],
                resume=begun(config.parent),
                worker=what["worker"],
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
            )
        task.note(code=code, ended=time.time())
        return code


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_finished(run_folder: Path, task: Task) -> bool:
    """Whether the run's own record, or the job's, says that it came to its end."""
    status = read_json(run_folder / "run.json").get("status")
    return status == "finished" or (status is None and task.state().get("code") == 0)


def begun(run_folder: Path) -> bool:
    """Whether there is anything in the run's folder to go on from."""
    return (run_folder / "run.json").exists() or any(run_folder.glob("checkpoints/*"))


def package_environment() -> dict[str, str]:
    """The environment of a supervisor: this package is found, no MLflow run is in progress."""
    return launch.rank_environments(1)[0]


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
