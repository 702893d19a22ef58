"""Where two curves part: from which point on one falls while the other rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 20  # a long curve is averaged down to so many points, which takes its noise away
FEWEST = 4  # points that an interval of a correlation needs
NORMAL = 1.96  # two-sided 95 %


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows a point of two curves.

    place: x of the point, None where no point is one; correlation: of the two curves from there to
    the end (of the last half where there is no such point), with its 95 % interval.
    """

    place: float | None
    correlation: float
    low: float
    high: float


def find_turn(x: np.ndarray, first: np.ndarray, second: np.ndarray) -> Turn:
    """The point from which on `first` and `second` (t,) are negatively correlated.

    Negatively: the upper end of Fisher's 95 % interval lies below 0. Of several such points it is the
    one where `second` is highest. Points are in the order in which they were made. Raises:
    ValueError for fewer than four. Source: rows S0-29, S1-38 (a proxy and what it stands for).
    """
    if len(x) < FEWEST:
        raise ValueError(f"{len(x)} points are too few for a turning point; {FEWEST} or more")
    x, first, second = (averaged(values) for values in (x, first, second))
    starts = range(len(x) - FEWEST + 1)
    found = {start: correlated(first[start:], second[start:]) for start in starts}
    apart = [start for start, (_, _, high) in found.items() if high < 0]
    if apart:
        start = max(apart, key=lambda index: second[index])
        return Turn(float(x[start]), *found[start])
    return Turn(None, *found[min(len(x) // 2, len(x) - FEWEST)])


def averaged(values: np.ndarray, most: int = BINS) -> np.ndarray:
    """(b,) means of equal stretches of `values` (t,), in order; b at most `most`."""
    if len(values) <= most:
        return values
    return np.array([part.mean() for part in np.array_split(values, most)])


def correlated(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Pearson's correlation of two curves (t,) with its 95 % interval; 0 (-1 to 1) of a flat one."""
    if first.std() == 0 or second.std() == 0:
        return 0.0, -1.0, 1.0
    value = float(np.clip(np.corrcoef(first, second)[0, 1], -0.999999, 0.999999))
    middle, width = np.arctanh(value), NORMAL / np.sqrt(max(1, len(first) - 3))
    return value, float(np.tanh(middle - width)), float(np.tanh(middle + width))
