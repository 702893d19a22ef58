"""Killing a training at random moments, going on, and comparing with one that was never killed.

Processes are forked from a server that has already imported everything, so that a kill costs a
fraction of a second. `train(run_dir, resume)` must be importable by name (a function of a module,
or a functools.partial of one) and leave a checkpoint of the end in `run_dir/checkpoints`.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from lmlab.io.checkpoint import find_good
from lmlab.io.checkpoint_io import FolderCheckpointIO

# What the server imports before it forks; add to it before the first process is started.
PRELOAD = ["torch", "lightning.pytorch", "tests.io.tiny", "tests.io.kill"]

Train = Callable[[Path, bool], Any]


@dataclass
class Outcome:
    """How many of the killed and resumed runs ended bitwise as the undisturbed one did."""

    kills: int = 0
    equal: int = 0
    different: list[str] = field(default_factory=list)  # where each unequal run differs first
    leftovers: list[str] = field(default_factory=list)  # temporary names after resuming


def start(function: Callable[..., Any], *arguments: Any, env: dict[str, str] | None = None) -> Any:
    """A process that calls `function`; its exit code is what the function returns."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=_child, args=(function, arguments, env or {}))
    process.start()
    return process


def _child(function: Callable[..., Any], arguments: tuple[Any, ...], env: dict[str, str]) -> None:
    import torch

    os.environ.update(env)
    torch.set_num_threads(1)
    sys.exit(function(*arguments) or 0)


def harness(train: Train, root: Path, num_kills: int, seed: int = 0) -> Outcome:
    """Kill `train` at `num_kills` random moments, each in a run folder of its own, and resume."""
    _finish(start(_nothing))  # the server's imports do not count
    seconds = min(_run_whole(train, root / name) for name in ("warm", "whole"))
    expected = essence(root / "whole")
    moments, outcome = random.Random(seed), Outcome()
    while outcome.kills < num_kills:
        run_dir = root / f"killed-{outcome.kills}-{seconds:.3f}"
        process, started = start(train, run_dir, False), time.monotonic()
        process.join(moments.uniform(0.0, seconds))
        if process.exitcode is not None:  # it was faster: no kill, and the next ones come earlier
            seconds = 0.95 * min(seconds, time.monotonic() - started)
            continue
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        outcome.kills += 1
        _finish(start(train, run_dir, True))
        place = difference(expected, essence(run_dir))
        outcome.equal += place is None
        outcome.different += [] if place is None else [f"{run_dir.name}: {place}"]
        outcome.leftovers += [str(path) for path in run_dir.rglob(".*")]
    return outcome


def _run_whole(train: Train, run_dir: Path) -> float:
    started = time.monotonic()
    _finish(start(train, run_dir, False))
    return time.monotonic() - started


def _nothing() -> int:
    return 0


def _finish(process: Any, seconds: float = 120.0) -> None:
    process.join(seconds)
    if process.exitcode != 0:
        process.kill()
        raise AssertionError(f"training ended with {process.exitcode}; see its output above")


def essence(run_dir: Path) -> dict[str, Any]:
    """What must be equal at the end: weights, optimizers, schedules, random states of all ranks."""
    folder = find_good(run_dir)
    assert folder is not None
    checkpoint = FolderCheckpointIO().load_checkpoint(folder)
    random_states = [s["random"] for s in checkpoint["callbacks"].values() if "random" in s]
    names = ("global_step", "state_dict", "optimizer_states", "lr_schedulers")
    return {name: checkpoint[name] for name in names} | {"random": random_states}


def difference(first: Any, second: Any, place: str = "") -> str | None:
    """Where two trees of plain types differ first, bit for bit; None when they do not."""
    if type(first) is not type(second):
        return f"{place}: {type(first).__name__} and {type(second).__name__}"
    if isinstance(first, Tensor):
        same = first.dtype == second.dtype and first.shape == second.shape
        same = same and first.numpy().tobytes() == second.numpy().tobytes()
        return None if same else place
    if isinstance(first, (dict, list, tuple)):
        keys = list(first) if isinstance(first, dict) else list(range(len(first)))
        others = list(second) if isinstance(second, dict) else list(range(len(second)))
        if keys != others:
            return f"{place}: other keys"
        found = (difference(first[key], second[key], f"{place}/{key}") for key in keys)
        return next((item for item in found if item is not None), None)
    return None if first == second else f"{place}: {first!r} and {second!r}"
