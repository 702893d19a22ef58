"""Four figures of lists of numbers."""

from __future__ import annotations

from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    """Raises: ValueError for an empty list."""
    if not values:
        raise ValueError("mean of no jobs")
    return sum(values) / len(values)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """How much y grows with one unit of x, by least squares.

    Raises: ValueError for lists of different lengths, and where x is the same everywhere.
    """
    deviations, spread = _centred(x, y, "slope")
    return deviations / spread


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's: the correlation of the ranks, ties sharing theirs; -1..1.

    Raises: ValueError for lists of different lengths, and where one of them is constant.
    """
    ranks = ranked(x), ranked(y)
    together, of_x = _centred(*ranks, "rank_correlation")
    of_y = _centred(ranks[1], ranks[1], "rank_correlation")[1]
    return together / (of_x * of_y) ** 0.5


def where_least(x: Sequence[float], y: Sequence[float]) -> float:
    """The x of the job with the least y.

    Raises: ValueError for an empty list, and for lists of different lengths.
    """
    if len(x) != len(y) or not x:
        raise ValueError(f"where_least: lists of {len(x)} and {len(y)} jobs do not pair")
    return min(zip(y, x, strict=True))[1]


def ranked(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    return [
        sum(other < value for other in values) + (sum(o == value for o in values) + 1) / 2
        for value in values
    ]


def _centred(x: Sequence[float], y: Sequence[float], name: str) -> tuple[float, float]:
    if len(x) != len(y):
        raise ValueError(f"{name}: lists of {len(x)} and {len(y)} jobs do not pair")
    middle_x, middle_y = mean(x), mean(y)
    spread = sum((a - middle_x) ** 2 for a in x)
    if spread == 0:
        raise ValueError(f"{name}: all {len(x)} values are the same")
    return sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)), spread
