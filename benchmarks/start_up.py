"""From the command to the first optimizer step, with a warm cache, and where the time goes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.training_speed import row

IMPORTS = ("torch", "lightning", "mlflow", "lmlab.train")


def seconds(command: list[str], until: str | None = None) -> float:
    """Wall time of a command, or until its output begins a line with `until`."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if until is not None and line.startswith(until):
                took = time.perf_counter() - start
                run.wait()
                return took
    return time.perf_counter() - start


def measure(repetitions: int = 3) -> list[dict[str, Any]]:
    """A row a part, medians."""
    python = sys.executable

    def median(command: list[str], until: str | None = None) -> float:
        return statistics.median(seconds(command, until) for _ in range(repetitions))

    with tempfile.TemporaryDirectory() as root:
        command = [python, "-u", "-m", "lmlab", "budget.steps=1", "stage.num_validations=0"]
        command.append(f"run.root={root}")
        seconds(command)  # fills the caches
        total = median(command, until="step 1/")
    rows = [row("start-up: command to first step", f"{total:.1f} s", "<= 10 s", "warm cache")]
    compose = median([python, "-m", "lmlab", "--cfg", "job"])
    rows.append(row("start-up: compose and check", f"{compose:.1f} s", "", "lmlab --cfg job"))
    for module in IMPORTS:
        took = median([python, "-c", f"import {module}"])
        rows.append(
            row(f"start-up: import {module}", f"{took:.1f} s", "", "with all it needs, alone")
        )
    return rows
