"""What is wrong with a grid or a fit, in sentences a person can act on."""

from __future__ import annotations

import numpy as np

from lmlab.scaling.interval import Interval
from lmlab.scaling.isoflop import IsoflopFit
from lmlab.scaling.law import Law
from lmlab.scaling.parametric import ParametricFit
from lmlab.scaling.points import Points, budget_of

MAX_CONDITION = 1e5
MAX_RELATIVE_WIDTH = 0.5
OFF_CENTRE = 0.25  # share of the smaller side of a budget's log sizes that the minimum may leave


def grid_warnings(points: Points, fit: IsoflopFit | None, law: Law | None = None) -> list[str]:
    """Budgets with too few sizes, and budgets whose best size is not amid the sizes tried.

    The best size is a parabola's minimum, or the law's optimum where a budget has no parabola.
    """
    numbers = budget_of(points.flops)
    found = []
    for number in range(numbers.max() + 1):
        rows = points.take(numbers == number)
        name = f"budget {np.exp(np.log(rows.flops).mean()):.3g} FLOPs"
        sizes = np.unique(rows.params)
        if len(sizes) < 2:
            found.append(f"{name} has fewer than two sizes; a budget needs 2, a parabola 3")
            continue
        if len(sizes) < 3:
            found.append(f"{name} has {len(sizes)} sizes, too few for its parabola; add one")
        best = _best_params(rows, fit, law, points.flops_per_param_token)
        if best is not None:
            found += _off_centre(name, sizes, best)
    if numbers.max() < 2:
        found.append(
            f"{numbers.max() + 1} budget(s): a law of compute needs 3 or more to be tested"
        )
    return found


def _best_params(rows: Points, fit: IsoflopFit | None, law: Law | None, per: float) -> float | None:
    flops = float(np.exp(np.log(rows.flops).mean()))
    for parabola in fit.parabolas if fit else []:
        if abs(np.log(parabola.flops / flops)) < 1e-6:
            return parabola.best_params
    return float(law.optimum(flops, per)[0]) if law else None


def _off_centre(name: str, sizes: np.ndarray, best: float) -> list[str]:
    low, high = np.log(sizes[[0, -1]])
    place = (np.log(best) - low) / (high - low)
    side = "larger" if place > 0.5 else "smaller"
    if not 0 < place < 1:
        return [
            f"{name} is off-centre: its best size, about {best:.3g}, lies outside the sizes tried "
            f"({sizes[0]:.3g} to {sizes[-1]:.3g}); add {side} ones"
        ]
    if min(place, 1 - place) < OFF_CENTRE:
        return [
            f"{name} is off-centre: its best size, about {best:.3g}, is near the end of the sizes "
            f"tried ({sizes[0]:.3g} to {sizes[-1]:.3g}), which biases the parabola; add {side} ones"
        ]
    return []


def fit_warnings(fit: ParametricFit, intervals: dict[str, Interval]) -> list[str]:
    """Signs that the parametric fit is not identified: another grid is needed, not another fit.

    intervals: of alpha, beta and a by the bootstrap.
    """
    found = []
    if fit.condition > MAX_CONDITION:
        found.append(
            f"L(N, D) is not identified: the curvature of its fit has condition {fit.condition:.1e} "
            f"(limit {MAX_CONDITION:.0e}), some parameters trade against each other; widen the grid"
        )
    if fit.rival_spread > 0.02:
        found.append(
            f"L(N, D) is not identified: fits within 1 % of the best differ by {fit.rival_spread:.2f} "
            "in the exponent a; widen the grid"
        )
    for name, found_interval in intervals.items():
        if found_interval.width > MAX_RELATIVE_WIDTH * abs(found_interval.value):
            found.append(
                f"{name} = {found_interval.text()} is not identified: its interval is wider than "
                f"half its value; add points, or sizes and tokens that reach further"
            )
    law = fit.law
    if law.alpha <= 0 or law.beta <= 0:
        found.append("L(N, D) does not fall with size or with tokens; its optimum means nothing")
    return found


def count_warnings(points: Points, tolerance: float = 0.2) -> list[str]:
    """Compute that is not the same multiple of N D everywhere."""
    ratio = points.flops / (points.params * points.tokens)
    if np.ptp(np.log(ratio)) <= np.log1p(tolerance):
        return []
    return [
        f"C / (N D) is {ratio.min():.2f} to {ratio.max():.2f}: what is outside the matrices of the "
        "blocks (attention, unembedding) weighs differently by size, which moves the exponents of "
        f"approaches 1 and 2; optima are given with its median, {np.median(ratio):.2f}"
    ]
