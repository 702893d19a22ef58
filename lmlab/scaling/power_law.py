"""Power laws of one variable: Kaplan's L(N), L(D), L(C), and a data curve with a floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lmlab.scaling.bootstrap import redraw
from lmlab.scaling.interval import Interval, interval
from lmlab.scaling.points import Points

# Kaplan et al. 2020 equations 1.1 to 1.3: L = (critical / x)^exponent.
KAPLAN = {"params": 0.076, "tokens": 0.095, "flops": 0.050}


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """y = floor + factor x^exponent over the points (x, y) used.

    exponent: below 0 where y falls; residuals (n,): log(observed / fitted).
    """

    factor: float
    exponent: Interval
    floor: float
    x: np.ndarray
    y: np.ndarray
    residuals: np.ndarray

    def __call__(self, x: np.ndarray | float) -> np.ndarray:
        return self.floor + self.factor * np.asarray(x, np.float64) ** self.exponent.value


def fit_power_law(x: np.ndarray, y: np.ndarray, *, num_draws: int = 400, seed: int = 0) -> PowerLaw:
    """y = factor x^exponent by least squares of logarithms; x, y (n,), n of 2 or more.

    Raises: ValueError for fewer than two different x.
    """
    if len(np.unique(x)) < 2:
        raise ValueError(f"a power law needs two different values, not {len(np.unique(x))}")
    u, v = np.log(x), np.log(y)
    slope, shift = line(u, v[None])
    residuals = v - (shift + slope * u)
    draws = np.array([slope[0]])
    if len(x) > 2:
        noise = redraw(residuals, (num_draws, len(x)), np.random.default_rng(seed), num_fitted=2)
        draws = line(u, shift + slope * u + noise)[0]
    exponent = interval(slope[0], draws if len(x) > 2 else np.array([-np.inf, np.inf]))
    return PowerLaw(float(np.exp(shift[0])), exponent, 0.0, x, y, residuals)


def line(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (S,) and intercepts (S,) of the least-squares lines through u (n,), v (S, n)."""
    centre = u - u.mean()
    slope = v @ centre / (centre @ centre)
    return slope, v.mean(1) - slope * u.mean()


def fit_kaplan(
    points: Points, variable: Literal["params", "tokens", "flops"], **options: int
) -> PowerLaw:
    """L(N), L(D) or L(C): the power law through the frontier of one variable.

    On the frontier are the points with a lower loss than any of the same or a smaller value: they
    stand for "not bottlenecked by the other two", which holds only as far as the grid reaches.
    Source: Kaplan et al. 2020 section 1.2, exponents 0.076, 0.095, 0.050; row S4-31.
    """
    x = getattr(points, variable)
    order = np.lexsort((points.loss, x))
    lowest = np.minimum.accumulate(points.loss[order])
    first = np.concatenate([[True], points.loss[order][1:] < lowest[:-1]])
    chosen = order[first]
    last = np.concatenate([np.diff(np.log(x[chosen])) > 0.01, [True]])  # the best of equal values
    return fit_power_law(x[chosen[last]], points.loss[chosen[last]], **options)
