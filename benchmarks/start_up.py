"""From the command to the first optimizer step, with a warm cache, and where the time goes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.shape import row

COMMAND = ["-m", "lmlab"]
PARTS = {
    "python": "the interpreter, until lmlab's first line",
    "compose": "Hydra, the checks, the run's folder",
    "imports": "torch, lightning, torchmetrics, numpy",
    "data": "fingerprint, tokenizer and token cache opened",
    "model": "created and initialised",
    "trainer": "MLflow's tracker, the measured peak rate, Lightning's Trainer",
    "first step": "until the optimizer has stepped",
}


def seconds_to_first_step(root: str) -> float:
    """The real command, nothing added, until it prints its first step."""
    command = [sys.executable, "-u", *COMMAND, f"run.root={root}"]
    start = time.perf_counter()
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
    )
    assert run.stdout is not None
    found = any(line.startswith("step 1/") for line in run.stdout)
    took = time.perf_counter() - start
    run.kill()
    run.wait()
    if not found:
        raise RuntimeError("lmlab ended without a step")
    return took


def environment() -> dict[str, str]:
    """Python's default: compiled files are kept."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def parts(root: str) -> dict[str, float]:
    """Seconds of each of PARTS, from a run that takes the time as it goes."""
    now = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.start_up", str(now), f"run.root={root}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    words = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("part\t")]
    if not words:
        raise RuntimeError(f"lmlab ended with {done.returncode}:\n{done.stderr[-1500:]}")
    return {name: float(took) for _, name, took in words}


def timed_command(started: float, words: list[str]) -> None:
    """lmlab's command line with a clock at the borders of its parts; ends after the first step."""
    marks = {"python": time.monotonic() - started}
    last = time.monotonic()

    def mark(name: str) -> None:
        nonlocal last
        marks[name] = marks.get(name, 0.0) + time.monotonic() - last
        last = time.monotonic()

    from lmlab import worker

    work = worker.run

    def run(*arguments: Any, **keywords: Any) -> int:
        mark("compose")
        from lmlab import build, train
        from lmlab.stage.pretrain import Pretrain

        mark("imports")
        build.make_arch = between(build.make_arch, "data", "model", mark)
        train.build = between(train.build, "imports", "data", mark)
        Pretrain.on_train_start = between(Pretrain.on_train_start, "trainer", "first step", mark)
        Pretrain.on_train_batch_end = finish
        return work(*arguments, **keywords)

    def finish(*arguments: Any, **keywords: Any) -> None:
        mark("first step")
        for name, took in marks.items():
            print(f"part\t{name}\t{took}", flush=True)
        os._exit(0)

    worker.run = run
    from lmlab.__main__ import main

    sys.exit(main(words))


def between(function: Any, before: str, inside: str, mark: Any) -> Any:
    """`function`, with what went before and what it took marked."""

    def timed(*arguments: Any, **keywords: Any) -> Any:
        mark(before)
        result = function(*arguments, **keywords)
        mark(inside)
        return result

    return timed


def measure(repetitions: int = 5) -> list[dict[str, str]]:
    """The whole, then a row a part; medians."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        seconds_to_first_step(root)  # fills the caches
        whole, split = [], []
        for _ in range(repetitions):
            whole.append(seconds_to_first_step(root))
            split.append(parts(root))
    total = f"{statistics.median(whole):.1f} s"
    rows = [row("start-up: command to first step", total, "<= 10 s", "`python -m lmlab`")]
    for name, note in PARTS.items():
        took = statistics.median(found[name] for found in split)
        rows.append(row(f"start-up: {name}", f"{took:.2f} s", "", note))
    return rows


if __name__ == "__main__":
    timed_command(float(sys.argv[1]), sys.argv[2:])
