"""Which GPUs of this machine each running job of a sweep has: its own, by CUDA_VISIBLE_DEVICES."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from lmlab.config.error import ConfigError

VARIABLE = "CUDA_VISIBLE_DEVICES"


def wanted(accelerator: str, num_processes: int) -> int:
    """GPUs of a job where the machine has any: one a process, none on another accelerator."""
    return num_processes if accelerator in ("auto", "gpu") else 0


def count_gpus() -> int:
    """GPUs that CUDA shows this process, asked without torch; 0 where there is no driver."""
    number = ctypes.c_int(0)
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
        if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(number)):
            return 0
    except (OSError, AttributeError):
        return 0
    return number.value


def names_of(environment: Mapping[str, str], number: int) -> list[str]:
    """The GPUs that CUDA shows, by the names that CUDA_VISIBLE_DEVICES has for them.

    number: how many it shows; the variable may name more, of which the first count.
    """
    given = environment.get(VARIABLE)
    if given is None:
        return [str(index) for index in range(number)]
    return [name.strip() for name in given.split(",")][:number]


def choose(names: Sequence[str], used: Iterable[str], number: int, share: bool) -> list[str] | None:
    """So many of `names`, those that the fewest have first; None while too few of them are free.

    used: of the running jobs, one entry for each that has it; share: one with a job is free too.
    """
    jobs = Counter(used)
    free = sorted(names, key=lambda name: jobs[name])[:number]
    if len(free) < number or (not share and any(jobs[name] for name in free)):
        return None
    return sorted(free, key=list(names).index)


def check(names: Sequence[str], wishes: Iterable[int], jobs: int, share: bool) -> str:
    """What to say before the jobs start: that some will wait; "" where none has to.

    wishes: GPUs of each job. Raises: ConfigError for a job that wants more than there are.
    """
    most = max(wishes, default=0)
    if not names or not most:
        return ""
    there = f"this machine has {len(names)} ({VARIABLE}={','.join(names)})"
    if most > len(names):
        raise ConfigError(
            [
                f"hardware.devices={most}: a job wants {most} GPUs and {there}; "
                f"set hardware.devices={len(names)}, or hardware.accelerator=cpu"
            ]
        )
    if share or most * jobs <= len(names):
        return ""
    return (
        f"launcher.jobs={jobs} of {most} GPU{'s' * (most > 1)} each want {most * jobs} and {there}: "
        "jobs wait until theirs are free; launcher.share_gpus=true lets jobs share them"
    )
