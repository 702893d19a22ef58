"""Chinchilla's first approach: the lowest training curve at every compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmlab.scaling.interval import Interval
from lmlab.scaling.points import FLOPS_PER_PARAM_TOKEN, Curve
from lmlab.scaling.power_law import PowerLaw, fit_power_law, line

NUM_FLOPS = 1500


@dataclass(frozen=True, slots=True)
class EnvelopeFit:
    """a: exponent of N_opt ~ C^a; flops, loss, params (m,): the envelope and whose curve it is."""

    a: Interval
    size: PowerLaw
    loss_law: PowerLaw
    flops: np.ndarray
    loss: np.ndarray
    params: np.ndarray

    def optimum(
        self, flops: float, per: float = FLOPS_PER_PARAM_TOKEN
    ) -> tuple[float, float, float]:
        """(size, tokens, loss) for a compute, with `per` N D = C."""
        params = float(self.size(flops))
        return params, flops / per / params, float(self.loss_law(flops))


def fit_envelope(curves: list[Curve], *, num_flops: int = NUM_FLOPS) -> EnvelopeFit:
    """The size with the lowest loss at `num_flops` computes, and the power law through them.

    Curves are read as straight between their points in log compute and log loss, without their
    first hundredth, where the learning rate warms up. A compute counts where the next smaller and
    the next larger size have been measured too and are worse; elsewhere the grid, not the loss,
    would choose the size. The interval is the jackknife's over sizes.
    Raises: ValueError when fewer than two sizes are such a best.
    Source: Hoffmann et al. 2022 section 3.1 (1,500 computes); row S3-61.
    """
    settled = [_settled(curve) for curve in curves]
    starts, ends = (np.array([c.flops[end] for c in settled]) for end in (0, -1))
    grid = np.linspace(np.log(starts.min()), np.log(ends.max()), num_flops)
    sizes = np.unique([curve.params for curve in settled])
    table = np.stack([_lowest(settled, size, grid) for size in sizes])
    best, counts = _certain(table)
    if len(np.unique(best[counts])) < 2:
        raise ValueError(
            f"{len(np.unique(best[counts]))} size(s) are best with a worse smaller and larger size "
            "beside them; approach 1 needs two: add sizes, or curves that reach further"
        )
    u, v = grid[counts], np.log(sizes[best[counts]])
    flops, params, loss = np.exp(u), np.exp(v), np.exp(table.min(0)[counts])
    size, loss_law = fit_power_law(flops, params), fit_power_law(flops, loss)
    a = size.exponent.value
    half = 1.645 * _jackknife_error(grid, table, np.log(sizes))
    return EnvelopeFit(Interval(a, a - half, a + half), size, loss_law, flops, loss, params)


def _settled(curve: Curve) -> Curve:
    late = curve.tokens >= 0.01 * curve.tokens.max()
    return Curve(curve.params, curve.tokens[late], curve.loss[late], curve.per)


def _lowest(curves: list[Curve], size: float, grid: np.ndarray) -> np.ndarray:
    """(m,) the lowest log loss of the curves of one size; inf where none was measured."""
    rows = [
        np.interp(grid, np.log(c.flops), np.log(c.loss), left=np.inf, right=np.inf)
        for c in curves
        if c.params == size
    ]
    return np.min(rows, axis=0)


def _certain(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best size at every compute (m,), and whether both its neighbours were measured there (m,)."""
    best = table.argmin(0)
    inner = (best > 0) & (best < len(table) - 1)
    columns = np.arange(table.shape[1])
    for shift in (-1, 1):
        inner &= np.isfinite(table[np.clip(best + shift, 0, len(table) - 1), columns])
    return best, inner


def _jackknife_error(grid: np.ndarray, table: np.ndarray, sizes: np.ndarray) -> float:
    """Standard error of the exponent from leaving out one size at a time; inf where none is left."""
    slopes = []
    for left_out in range(len(sizes)):
        kept = np.arange(len(sizes)) != left_out
        best, counts = _certain(table[kept]) if kept.sum() > 2 else (None, np.zeros(1, bool))
        if counts.sum() > 2 and best is not None and len(np.unique(best[counts])) > 1:
            slopes.append(line(grid[counts], sizes[kept][best[counts]][None])[0][0])
    if len(slopes) < 3:
        return float("inf")
    return float(np.sqrt((len(slopes) - 1) * np.var(slopes)))
