"""An estimate with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the ends of its interval, by default the middle 90 % of the bootstrap."""

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high

    def share_inside(self, low: float, high: float) -> float:
        """How much of it lies in low..high, 0..1."""
        if self.width == 0:
            return float(low <= self.value <= high)
        return max(0.0, min(self.high, high) - max(self.low, low)) / self.width

    def text(self, digits: int = 3) -> str:
        """Such as `0.452 (0.431 to 0.470)`."""
        value, low, high = (f"{number:.{digits}f}" for number in (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"


def interval(value: float, draws: np.ndarray, level: float = LEVEL) -> Interval:
    """The percentile interval of `draws` (S,) around an estimate; draws that failed are left out."""
    kept = draws[np.isfinite(draws)]
    if not len(kept):
        return Interval(float(value), float("-inf"), float("inf"))
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high))
