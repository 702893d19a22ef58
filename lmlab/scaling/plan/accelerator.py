"""The table of accelerators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from lmlab.scaling.plan.named import look_up, read_named

Number = Literal["bf16", "fp8", "fp32"]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One device as its vendor states it; accelerator.yaml gives the meaning and unit of each."""

    name: str
    peak_tflops: float
    fp8_tflops: float | None
    fp32_tflops: float | None
    memory_gib: float
    bandwidth_gbs: float
    interconnect_gbs: float
    network_gbs: float
    price_usd_hour: float | None
    source: str
    has_bf16: bool = True

    @property
    def memory_bytes(self) -> float:
        return 2.0**30 * self.memory_gib

    def peak(self, number: Number = "bf16") -> float:
        """FLOP/s with numbers of that kind. Raises: ValueError where the device has none."""
        rates = {"bf16": self.peak_tflops, "fp8": self.fp8_tflops, "fp32": self.fp32_tflops}
        rate = rates[number]
        if rate is None:
            have = ", ".join(name for name, value in rates.items() if value)
            raise ValueError(f"accelerator {self.name} has no known {number} rate; it has {have}")
        return 1e12 * rate


@lru_cache(maxsize=1)
def accelerators() -> dict[str, Accelerator]:
    """All accelerators of accelerator.yaml by name."""
    return read_named(Path(__file__).with_name("accelerator.yaml"), Accelerator)


def accelerator(name: str) -> Accelerator:
    """One accelerator. Raises: ValueError naming the nearest and all known ones."""
    return look_up(accelerators(), name, "stage.device")
