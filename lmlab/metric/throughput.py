"""The peak rate of a device, which a run's utilisation is measured against."""

from __future__ import annotations

import time

import torch

from lmlab.product import product

# Dense peak rates in floating-point operations a second, from the makers' data sheets.
PEAK_FLOPS: dict[str, dict[str, float]] = {
    "H200": {"bf16": 989e12, "fp32": 494e12},
    "H100": {"bf16": 989e12, "fp32": 494e12},
    "A100": {"bf16": 312e12, "fp32": 156e12},
    "L4": {"bf16": 121e12, "fp32": 60e12},
    "V100": {"bf16": 125e12, "fp32": 15.7e12},
}
FP8_FACTOR = 2.0  # of bf16's rate, on devices that have fp8


def measured_peak_flops(precision: str, device: str, seconds: float = 0.15) -> float:
    """The rate of a large square matrix product, the best of the runs within `seconds`."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = 1024 if device == "cpu" else 8192
    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    best, end, runs = float("inf"), time.perf_counter() + seconds, 0
    product(left, right)
    while runs < 5 or time.perf_counter() < end:
        runs += 1
        start = time.perf_counter()
        product(left, right)
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


def peak_flops(accelerator: str, precision: str) -> tuple[float, str]:
    """A device's peak rate and how it is known: `known` (data sheet) or `measured`."""
    if accelerator == "gpu":
        name = torch.cuda.get_device_name()
        for key, rates in PEAK_FLOPS.items():
            if key in name:
                return rates.get(precision, FP8_FACTOR * rates["bf16"]), "known"
    return measured_peak_flops(precision, "cuda" if accelerator == "gpu" else "cpu"), "measured"
