"""How often one side beats another, with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(wins: float, total: int) -> Interval:
    """A share with Wilson's interval; a tie is half a win. Source: Wilson 1927; row S3-59."""
    if total < 1:
        raise ValueError("a win rate needs one comparison or more")
    share, square = wins / total, NORMAL_95**2
    centre = (share + square / (2 * total)) / (1 + square / total)
    spread = share * (1 - share) / total + square / (4 * total**2)
    half = NORMAL_95 * math.sqrt(spread) / (1 + square / total)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def win_rate(ours: np.ndarray, theirs: np.ndarray) -> Interval:
    """How often `ours` is above `theirs`, prompt by prompt, both (n,); a tie is half a win."""
    ours, theirs = _pair(ours, theirs)
    return wilson(float((ours > theirs).sum() + 0.5 * (ours == theirs).sum()), len(ours))


def paired_difference(
    ours: np.ndarray, theirs: np.ndarray, seed: int = 0, num_resamples: int = 10_000
) -> Interval:
    """Mean of ours - theirs, both (n,), with a percentile interval of a bootstrap over prompts."""
    ours, theirs = _pair(ours, theirs)
    difference = (ours - theirs).astype(np.float64)
    drawn = np.random.default_rng(seed).integers(len(difference), size=(num_resamples, len(ours)))
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
    return Interval(float(difference.mean()), float(low), float(high))


def _pair(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape or ours.ndim != 1 or len(ours) == 0:
        raise ValueError(
            f"a paired comparison needs two equal rows, not {ours.shape}, {theirs.shape}"
        )
    return ours, theirs
