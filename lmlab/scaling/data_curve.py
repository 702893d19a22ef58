"""Hestness data curves: how the error of one model falls with the size of its training set."""

from __future__ import annotations

import numpy as np

from lmlab.scaling.bootstrap import redraw
from lmlab.scaling.interval import Interval, interval
from lmlab.scaling.points import Points
from lmlab.scaling.power_law import PowerLaw

EXPONENTS = np.linspace(0.02, 1.5, 297)


def fit_data_curve(
    tokens: np.ndarray, loss: np.ndarray, *, num_draws: int = 400, seed: int = 0
) -> PowerLaw:
    """loss = floor + factor tokens^exponent, exponent in -1.5 .. -0.02, floor of 0 or more.

    tokens (n,), loss (n,), n of 4 or more. Weighted for equal relative noise; the exponent is
    searched on a grid and refined, floor and factor follow by least squares.
    Raises: ValueError for fewer than 4 different training-set sizes.
    Source: Hestness et al. 2017 equation 1 (their beta is `exponent`: -0.07 to -0.35); row S4-24.
    """
    if len(np.unique(tokens)) < 4:
        raise ValueError(
            f"a data curve needs 4 different numbers of tokens, not {len(np.unique(tokens))}"
        )
    exponent, factor, floor = (part[0] for part in fit_floor(tokens, loss[None]))
    fitted = floor + factor * tokens**exponent
    residuals = np.log(loss / fitted)
    rng = np.random.default_rng(seed)
    noise = redraw(residuals, (num_draws, len(loss)), rng, num_fitted=3)
    draws = fit_floor(tokens, fitted * np.exp(noise))[0]
    return PowerLaw(float(factor), interval(exponent, draws), float(floor), tokens, loss, residuals)


def fit_floor(
    x: np.ndarray, y: np.ndarray, counts: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponents, factors and floors (S,) of y (S, n) = floor + factor x^exponent.

    counts (n,): how many measurements every point is the mean of.
    """
    ratio = x / np.exp(np.log(x).mean())
    grid = EXPONENTS
    for _ in range(3):
        errors = np.stack([_linear(ratio, y, power, counts)[2] for power in grid])
        best = grid[errors.argmin(0)]
        if len(np.unique(best)) > 1:  # every row its own exponent: interpolate instead
            break
        step = grid[1] - grid[0]
        grid = np.linspace(max(best[0] - step, EXPONENTS[0]), best[0] + step, 41)
    power = _between(grid, errors)
    floors, factors = np.empty(len(y)), np.empty(len(y))
    for row, value in enumerate(power):
        floor, factor, _ = _linear(ratio, y[row : row + 1], value, counts)
        floors[row], factors[row] = floor[0], factor[0]
    return -power, factors * np.exp(np.log(x).mean()) ** power, floors


def _linear(
    ratio: np.ndarray, y: np.ndarray, power: float, counts: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Floors, factors and errors (S,) for one exponent; relative least squares, floor >= 0."""
    basis = ratio**-power
    weight = counts / y**2
    one, mid, square = weight.sum(1), weight @ basis, weight @ basis**2
    sum_y, sum_by = (weight * y).sum(1), (weight * y) @ basis
    determinant = one * square - mid**2
    floor = (square * sum_y - mid * sum_by) / np.where(determinant > 0, determinant, np.inf)
    floor = np.maximum(floor, 0.0)
    factor = (sum_by - floor * mid) / square
    error = (weight * (y - floor[:, None] - factor[:, None] * basis) ** 2).sum(1)
    return floor, factor, error


def _between(grid: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Where the parabola through the three lowest neighbours has its minimum, (S,)."""
    place = np.clip(errors.argmin(0), 1, len(grid) - 2)
    rows = np.arange(errors.shape[1])
    left, mid, right = (errors[place + shift, rows] for shift in (-1, 0, 1))
    bend = left - 2 * mid + right
    shift = np.where(bend > 0, 0.5 * (left - right) / np.where(bend > 0, bend, 1.0), 0.0)
    return grid[place] + np.clip(shift, -1, 1) * (grid[1] - grid[0])


def data_curves(points: Points, min_sizes: int = 4) -> dict[float, PowerLaw]:
    """A data curve for every model size with at least `min_sizes` training-set sizes."""
    found = {}
    for size in np.unique(points.params):
        rows = points.take(points.params == size)
        if len(np.unique(rows.tokens)) >= min_sizes:
            found[float(size)] = fit_data_curve(rows.tokens, rows.loss)
    return found


def marginal_exponent(curves: dict[float, PowerLaw]) -> Interval | None:
    """The median exponent over sizes with the range of the sizes' estimates; None without curves."""
    if not curves:
        return None
    values = np.array([curve.exponent.value for curve in curves.values()])
    return Interval(float(np.median(values)), float(values.min()), float(values.max()))
