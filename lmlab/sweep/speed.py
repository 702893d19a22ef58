"""How fast a job would compute: the peak of its device, and how much of that a model of its width reaches."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import Any

# The fraction of the peak of other devices that a run is taken to reach.
UTILISATION = {"gpu": 0.35, "tpu": 0.35}
# By width, on a CPU: small matrices wait for their operations to be started. Measured in bf16: up to
# 128 in the 22 jobs of experiments/scaling_grid.yaml that take 1.2e13 FLOPs or fewer, a thread of an
# AMD EPYC each, batches of 1,024 and 2,048 tokens; 768 in benchmarks/README.md, on two threads.
ON_CPU = ((18, 0.03), (24, 0.048), (36, 0.078), (48, 0.123), (64, 0.16), (80, 0.21), (100, 0.26),
          (128, 0.42), (768, 0.59))  # fmt: skip
# From the start of a job's process to its first step and from its last to its end, on that machine.
START_SECONDS = 8.0
TIMES, PAUSE = 5, 0.05  # another program may have the cores for a while

_PEAKS: dict[tuple[str, str, int], tuple[float, str]] = {}


def utilisation(accelerator: str, width: int) -> float:
    """The fraction of the peak rate, 0..1; on a CPU along lines in the logarithms of ON_CPU."""
    if accelerator != "cpu":
        return UTILISATION[accelerator]
    points = [(math.log(x), math.log(y)) for x, y in ON_CPU]
    at = min(max(math.log(width), points[0][0]), points[-1][0])
    for (x0, y0), (x1, y1) in pairwise(points):
        if at <= x1:
            return math.exp(y0 + (y1 - y0) * (at - x0) / (x1 - x0))
    return ON_CPU[-1][1]


def accelerator_of(hardware: dict[str, Any]) -> tuple[str, str, bool]:
    """Accelerator and precision of a job, as its hardware would choose, and whether it is here.

    The precision of a device that is not here: as asked for, and bf16 for `auto`.
    """
    import torch

    from lmlab.hardware import accelerator_here, precision_here

    accelerator = accelerator_here(hardware["accelerator"])
    here = accelerator == "cpu" or (accelerator == "gpu" and torch.cuda.device_count() > 0)
    asked = hardware["precision"]
    if not here:
        return accelerator, "bf16" if asked == "auto" else asked, False
    return accelerator, precision_here(asked, accelerator), True


def peak_of(hardware: dict[str, Any]) -> tuple[float | None, str]:
    """The peak rate of one device (a CPU's: of its threads), None where it is not here; how known."""
    accelerator, precision, here = accelerator_of(hardware)
    if hardware.get("peak_flops") is not None:
        return float(hardware["peak_flops"]), "hardware.peak_flops"
    if not here:
        return None, ""
    import torch

    threads = hardware.get("threads") or torch.get_num_threads()
    key = (accelerator, precision, threads if accelerator == "cpu" else 0)
    if key not in _PEAKS:
        _PEAKS[key] = _best(*key)
    return _PEAKS[key]


def _best(accelerator: str, precision: str, threads: int) -> tuple[float, str]:
    """The best of several short measurements; of one where the rate is known."""
    import torch

    from lmlab.metric.throughput import peak_flops

    before, found = torch.get_num_threads(), []
    try:
        if threads:
            torch.set_num_threads(threads)
        for _ in range(TIMES):
            found.append(peak_flops(accelerator, precision))
            if found[-1][1] == "known":
                break
            time.sleep(PAUSE)
    finally:
        torch.set_num_threads(before)
    return max(found)
