"""Starting the processes of a run as torchrun would, and ending them together."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lmlab.config.error import ConfigError

STOPPED = (130, 143)
# What a process has imported before it has a model.
PROCESS_GB = 0.45
# Seconds that the other ranks get to end: after a failure, and after a stop that was asked for.
FAILURE_GRACE, STOP_GRACE = 10.0, 120.0


def is_rank() -> bool:
    """Whether torchrun, SLURM or a cluster started this process as one of several ranks."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 or "RANK" in os.environ:
        return True
    return "SLURM_PROCID" in os.environ and int(os.environ.get("SLURM_NTASKS", "1")) > 1


def is_first() -> bool:
    """Whether this process is rank 0, or alone."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def launch(
    config: Path,
    num_processes: int,
    *,
    resume: bool = False,
    worker: str = "lmlab.worker",
    **options: Any,
) -> int:
    """Run `python -m lmlab.worker CONFIG [--resume]` in so many processes; the exit code of all.

    That is 0, or the code of the first one that failed: 143 or 130 when it was asked to stop.
    SIGTERM and SIGINT are handed on to every process; when one fails, the others are ended.
    options: of subprocess.Popen, such as stdout. Raises: ConfigError for more processes than this
    machine has memory for.
    """
    check_memory(num_processes)
    command = [sys.executable, "-m", worker, str(config), *(["--resume"] * resume)]
    ranks: list[subprocess.Popen[bytes]] = []
    with forwarded(ranks) as received:  # before the first one, so that a stop leaves none behind
        for env in rank_environments(num_processes):
            if received:
                break
            rank = start(command, env, **options)
            missed = bool(received)  # a signal came before this one was in the list
            ranks.append(rank)
            if missed:
                _signal([rank], received[0])
        return _wait(ranks, received)


def check_memory(num_processes: int) -> None:
    """Raises: ConfigError for processes that would fill the memory before they have a model."""
    import psutil

    needed, there = num_processes * PROCESS_GB, psutil.virtual_memory().total / 1e9
    if num_processes > 1 and needed > there:
        raise ConfigError(
            [
                f"hardware.devices={num_processes}: so many processes take {needed:.0f} GB of memory "
                f"before they have a model, and this machine has {there:.0f} GB; "
                f"{int(there / PROCESS_GB)} would fit"
            ]
        )


def start(command: list[str], env: dict[str, str], **options: Any) -> subprocess.Popen[bytes]:
    """A process of its own group: Ctrl-C reaches it once, through `forwarded`."""
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, process_group=0, **options)


def rank_environments(num_processes: int) -> list[dict[str, str]]:
    """torchrun's variables for each rank; one process alone gets none of them."""
    base = {key: value for key, value in os.environ.items() if key != "MLFLOW_RUN_ID"}
    package_parent = Path(__file__).resolve().parent.parent
    if (package_parent / "pyproject.toml").is_file():
        paths = [str(package_parent), base.get("PYTHONPATH", "")]
        base["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    if num_processes == 1:
        return [base]
    cores = len(os.sched_getaffinity(0))
    base.setdefault("OMP_NUM_THREADS", str(max(1, cores // num_processes)))
    # DDP would warn every run of a setting that keeps resumed runs exact (hardware/data_parallel.py).
    base.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    base |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(num_processes),
        "LOCAL_WORLD_SIZE": str(num_processes),
        "GROUP_RANK": "0",
        "TORCHELASTIC_RUN_ID": "lmlab",
    }
    return [base | {"RANK": str(r), "LOCAL_RANK": str(r)} for r in range(num_processes)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def forwarded(ranks: list[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Hand SIGTERM and SIGINT on to all ranks; gives the list of signals received so far."""
    received: list[int] = []

    def hand_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        _signal(ranks, number)

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {n: signal.signal(n, hand_on) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal(ranks: list[subprocess.Popen[bytes]], number: int) -> None:
    for rank in ranks:
        if rank.poll() is None:
            rank.send_signal(number)


def _wait(ranks: list[subprocess.Popen[bytes]], received: list[int]) -> int:
    """Wait for all; after the first failure the others get a grace and are then killed."""
    ended: queue.Queue[int] = queue.Queue()
    for rank in ranks:
        threading.Thread(target=lambda r=rank: ended.put(r.wait()), daemon=True).start()
    first, left, deadline = 0, len(ranks), None
    while left:
        try:
            code = ended.get(timeout=0.5)
        except queue.Empty:
            if deadline is not None and time.monotonic() > deadline:
                _signal(ranks, signal.SIGKILL)
                deadline = time.monotonic() + FAILURE_GRACE
            continue
        left -= 1
        code = 128 - code if code < 0 else code
        if code and not first:
            first = code
            stopping = bool(received) or code in STOPPED
            deadline = time.monotonic() + (STOP_GRACE if stopping else FAILURE_GRACE)
            if not stopping:
                _signal(ranks, signal.SIGTERM)
    return first
