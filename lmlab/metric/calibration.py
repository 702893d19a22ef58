"""Whether a reward model's confidence is right: predicted against actual preference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Bin:
    """Comparisons whose predicted probability fell into one bin, and how they turned out."""

    predicted: float
    actual: float
    count: int


def calibration_curve(margins: np.ndarray, num_bins: int = 10) -> list[Bin]:
    """Bins of the confidence sigmoid(|margin|) in 0.5..1 against the share that was right.

    margins (n,): reward of what was preferred minus reward of the other; right where positive, half
    right at 0. Empty bins are left out. Perfect calibration: actual = predicted in each.
    """
    margins = np.asarray(margins, dtype=np.float64)
    confidence = 1 / (1 + np.exp(-np.abs(margins)))
    right = (margins > 0) + 0.5 * (margins == 0)
    which = np.minimum(((confidence - 0.5) * 2 * num_bins).astype(int), num_bins - 1)
    return [
        Bin(float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for number in range(num_bins)
        if (inside := which == number).any()
    ]


def calibration_error(curve: list[Bin]) -> float:
    """Mean distance of predicted and actual over all comparisons (ECE), 0..1."""
    total = sum(bin.count for bin in curve)
    return sum(abs(bin.predicted - bin.actual) * bin.count for bin in curve) / max(1, total)
