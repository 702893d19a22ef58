"""The launcher `ray`: every job of a sweep is a task of a Ray cluster."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from lmlab.sweep.local import signal_supervisor
from lmlab.sweep.task import Task, package_environment


class Scheduled:
    """A task of Ray."""

    def __init__(self, ray: Any, reference: Any, task: Task) -> None:
        self._ray, self._reference, self._task = ray, reference, task

    def ended(self) -> bool:
        """Whether Ray has done with it."""
        return bool(self._ray.wait([self._reference], timeout=0)[0])

    def signal(self, number: int) -> None:
        """Ask its supervisor where that is a process of this machine; elsewhere the job goes on."""
        if not signal_supervisor(self._task, number) and not self._task.is_held():
            self._ray.cancel(self._reference)


class Ray:
    """Ray on this machine or a cluster with a shared folder of runs; it starts what fits.

    Raises: ValueError where ray is not installed.
    """

    def __init__(
        self, *, address: str | None, jobs: int | None, cpus: int | float, gpus: int | float
    ) -> None:
        try:
            import ray
        except ImportError:
            raise ValueError("launcher=ray needs: pip install 'lmlab[ray]'") from None
        self._ray, self.at_once, self._cpus, self._gpus = ray, jobs, cpus, gpus
        self._address = address

    def threads(self, num_processes: int) -> int | None:
        """CPU threads of each process of a job of so many processes."""
        return max(1, int(self._cpus) // num_processes)

    def check(self, wishes: Iterable[int]) -> str:
        """What is too much for all of the cluster, Ray says itself: the job waits."""
        return ""

    def has_room(self, task: Task, num_gpus: int) -> bool:
        """Ray starts a task when what it wants is free."""
        return True

    def start(self, task: Task) -> Scheduled:
        """Hand the job to Ray, which is started where it is not running yet."""
        if not self._ray.is_initialized():
            self._ray.init(
                address=self._address,
                include_dashboard=False,
                log_to_driver=False,
                runtime_env={"env_vars": {"PYTHONPATH": package_environment()["PYTHONPATH"]}},
            )
        wishes: dict[str, Any] = {"num_cpus": self._cpus, "num_gpus": self._gpus, "max_retries": 0}
        start = self._ray.remote(**wishes)(supervise)
        return Scheduled(self._ray, start.remote(str(task.path)), task)


def supervise(path: str) -> int:
    """On the machine that Ray chose: the job's supervisor, as every launcher starts it."""
    command = [sys.executable, "-m", "lmlab.sweep.task", path]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
