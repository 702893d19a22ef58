"""The launcher `submitit`: every job of a sweep is a job of a SLURM queue."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Literal

from lmlab.sweep.local import signal_supervisor
from lmlab.sweep.task import Task, package_environment, run


class Queued:
    """A job in the queue."""

    def __init__(self, job: Any, task: Task) -> None:
        self._job, self._task = job, task

    def ended(self) -> bool:
        """Whether the queue has done with it."""
        return bool(self._job.done())

    def signal(self, number: int) -> None:
        """Ask the job; on another machine through the queue, whose SIGTERM comes before its kill."""
        if not signal_supervisor(self._task, number):
            self._job.cancel(check=False)


class Submitit:
    """SLURM, or submitit's own processes, to try it out. The run folders must be shared.

    Jobs outlive their launcher; one that is started again waits for those that still run.
    Raises: ValueError where submitit is not installed.
    """

    def __init__(
        self,
        *,
        cluster: Literal["slurm", "local"],
        jobs: int | None,
        partition: str | None,
        account: str | None,
        qos: str | None,
        constraint: str | None,
        minutes: int,
        cpus: int,
        gpus: int | None,
        memory_gb: int | float,
        additional_parameters: dict[str, Any],
    ) -> None:
        try:
            import submitit
        except ImportError:
            raise ValueError("launcher=submitit needs: pip install 'lmlab[submitit]'") from None
        self._make = submitit.AutoExecutor
        self.at_once, self._cluster, self._cpus, self._gpus = jobs, cluster, cpus, gpus
        self._wishes: dict[str, Any] = {"timeout_min": minutes, "mem_gb": memory_gb}
        slurm = {
            "partition": partition,
            "account": account,
            "qos": qos,
            "constraint": constraint,
            "additional_parameters": additional_parameters or None,
        }
        self._wishes |= {f"slurm_{name}": value for name, value in slurm.items() if value}

    def threads(self, num_processes: int) -> int | None:
        """CPU threads of each process of a job, however many it has."""
        return self._cpus

    def check(self, wishes: Iterable[int]) -> str:
        """What is too much for the cluster, its queue says itself."""
        return ""

    def has_room(self, task: Task, num_gpus: int) -> bool:
        """The queue starts a job when what it wants is free."""
        return True

    def parameters(self, task: Task) -> dict[str, Any]:
        """What the job asks of the queue, by submitit's names; as much as its processes need."""
        what = task.what()
        one_each = what["processes"] if what["accelerator"] == "gpu" else 0
        gpus = one_each if self._gpus is None else self._gpus
        return self._wishes | {
            "name": f"lmlab-{task.path.stem}",
            "cpus_per_task": self._cpus * what["processes"],
            **({"gpus_per_node": gpus} if gpus else {}),
        }

    def start(self, task: Task) -> Queued:
        """Put the job into the queue."""
        os.environ["PYTHONPATH"] = package_environment().get("PYTHONPATH", "")
        executor = self._make(folder=task.path.with_suffix(".queue"), cluster=self._cluster)
        executor.update_parameters(**self.parameters(task))
        return Queued(executor.submit(run, task.path), task)
