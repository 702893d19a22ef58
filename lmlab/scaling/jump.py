"""Is a jump with scale in the ability, or in the metric: a step beside any smooth curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lmlab.scaling.smooth_curve import mean_squares, nearby

NUM_SIMULATIONS = 2000
# Curves are fitted to the same values that are tested, which makes p-values too small: at 0.03 smooth
# curves are called sharp 2 to 10 times in a hundred (docs/scaling_laws.md).
LEVEL = 0.03


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A test of a smooth curve against one with a step, over n scales.

    p_value: chance of so good a step without one; place: the scale after which it is; step: in the
    metric's unit; share: of the whole range, 0..1 and more.
    """

    p_value: float
    place: float
    step: float
    share: float

    @property
    def sharp(self) -> bool:
        return self.p_value < LEVEL


@dataclass(frozen=True, slots=True)
class JumpVerdict:
    """smooth, thresholded: the two tests; power: chance the smooth test finds the same share."""

    verdict: Literal["sharp in both", "artefact of the metric", "not resolved"]
    reason: str
    smooth: ChangePoint
    thresholded: ChangePoint
    power: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """Smooth curves near the values, and the same with each step; all weighted by 1 over noise.

    trend (n,): the best smooth one; noise: of a value of weight 1.
    """

    x: np.ndarray
    weight: np.ndarray
    smooth: list[np.ndarray]
    stepped: list[np.ndarray]
    trend: np.ndarray
    noise: float

    def statistic(self, rows: np.ndarray) -> np.ndarray:
        """(S,) log of how much less the best curve with a step leaves of weighted rows (S, n)."""
        least = (mean_squares(rows, bases).min(1) for bases in (self.smooth, self.stepped))
        return np.log(next(least)) - np.log(next(least))

    def drawn(self, curve: np.ndarray, seed: int) -> np.ndarray:
        """(S, n) weighted values of `curve` with this fit's noise."""
        draws = np.random.default_rng(seed).standard_normal((NUM_SIMULATIONS, len(curve)))
        return self.weight * curve + self.noise * draws


def change_point(scale: np.ndarray, metric: np.ndarray, *, seed: int = 0) -> ChangePoint:
    """The best step between two neighbouring scales, against smooth curves without one.

    scale (n,) > 0, metric (n,), n of 7 or more, two of them on either side of a step. Smooth are the
    forms of smooth_curve, from power laws with a floor to sigmoids whose rise spans two scales; the
    noise is one size, or in proportion to positive values where those fit better so. The p-value is
    of a parametric bootstrap from the best smooth curve.
    Raises: ValueError for fewer than 7 scales.
    """
    order = np.argsort(scale)
    scale, y = np.asarray(scale)[order], np.asarray(metric, np.float64)[order]
    fit = _fit(scale, y)
    found = fit.statistic((fit.weight * y)[None])[0]
    chance = fit.statistic(fit.drawn(fit.trend, seed))
    p_value = (1 + (chance >= found).sum()) / (1 + NUM_SIMULATIONS)
    best = fit.stepped[int(mean_squares((fit.weight * y)[None], fit.stepped).argmin())]
    step = float(np.linalg.lstsq(best, fit.weight * y, rcond=None)[0][1])
    place = scale[int(np.argmax(best[:, 1] > 0)) - 1]
    return ChangePoint(float(p_value), float(place), step, abs(step) / _range(y))


def judge_jump(
    scale: np.ndarray, smooth: np.ndarray, thresholded: np.ndarray, *, seed: int = 0
) -> JumpVerdict:
    """Compare a metric's smooth form (such as log-likelihood) and its thresholded one (accuracy).

    "artefact of the metric" needs a thresholded form that is sharp, or that does half of its rise
    in a third of the log range after a first third without one; a smooth form that is not sharp; and
    at least 0.8 chance that a step of the same share would have been found in it.
    Raises: ValueError for fewer than 7 scales or arrays of unequal length.
    Source: rows S4-33, S4-34; Schaeffer et al. 2023 (arXiv 2304.15004) for the two forms.
    """
    if not len(scale) == len(smooth) == len(thresholded):
        raise ValueError(
            f"scale, smooth and thresholded differ in length: {len(scale)}, {len(smooth)}, "
            f"{len(thresholded)}"
        )
    order = np.argsort(scale)
    scale, smooth, thresholded = (np.asarray(part)[order] for part in (scale, smooth, thresholded))
    tests = change_point(scale, smooth, seed=seed), change_point(scale, thresholded, seed=seed)
    values = f"p = {tests[0].p_value:.3f} smooth, {tests[1].p_value:.3f} thresholded"
    late = None if tests[1].sharp else _late_rise(scale, thresholded)
    place, share = late or (tests[1].place, tests[1].share)
    power = _power(scale, smooth, place, share, seed)
    if late:
        values += f", which does {share:.0%} of its rise around {place:.3g}"
    if tests[0].sharp and tests[1].sharp:
        reason = f"{values}; the step is after {place:.3g}"
        return JumpVerdict("sharp in both", reason, *tests, power)
    if tests[0].sharp:
        reason = f"{values}: only the smooth form has a step"
    elif not (tests[1].sharp or late):
        reason = f"{values}: no step beyond the noise of {len(scale)} scales; add scales or seeds"
    elif power < 0.8:
        reason = f"{values}, but the smooth form would miss such a step too (power {power:.2f})"
    else:
        reason = f"{values}; the smooth form would show such a step with probability {power:.2f}"
        return JumpVerdict("artefact of the metric", reason, *tests, power)
    return JumpVerdict("not resolved", reason, *tests, power)


def _fit(scale: np.ndarray, y: np.ndarray) -> _Fit:
    """Noise of one size, or in proportion to the values where those are positive and fit better so."""
    if len(scale) < 7:
        raise ValueError(f"{len(scale)} scales cannot tell a jump from a curve; 7 or more can")
    logs = np.log(np.asarray(scale, np.float64))
    x = 2 * (logs - logs.min()) / np.ptp(logs) - 1
    weight = np.ones_like(y)
    trend, noise = _trend(y, weight, nearby(x, y, weight))
    if min(y.min(), trend.min()) > 0:
        other = np.exp(np.log(trend).mean()) / trend
        if _trend(y, other, nearby(x, y, other))[1] < noise:
            weight = other
    return _weighted(x, y, weight)


def _weighted(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> _Fit:
    smooth = nearby(x, y, weight)
    steps = [(x > x[last]).astype(np.float64) for last in range(1, len(x) - 2)]
    stepped = [columns for step in steps for columns in nearby(x, y, weight, step)]
    return _Fit(x, weight, smooth, stepped, *_trend(y, weight, smooth))


def _trend(y: np.ndarray, weight: np.ndarray, bases: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """The best curve (n,) and the noise that it leaves in a value of weight 1."""
    left = mean_squares((weight * y)[None], bases)[0]
    basis = np.linalg.qr(bases[int(left.argmin())])[0]
    return basis @ (basis.T @ (weight * y)) / weight, float(np.sqrt(left.min()))


def _late_rise(scale: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    """Middle and share of a rise that looks like a jump: at least half of it in a third of log scale.

    None where a tenth of it is over in the first third, or all of it is below four times the noise.
    """
    fit = _fit(scale, y)
    total = fit.trend[-1] - fit.trend[0]
    if abs(total) < 4 * fit.noise:
        return None
    x = np.linspace(-1, 1, 301)
    risen = (np.interp(x, fit.x, fit.trend) - fit.trend[0]) / total
    shares = risen[100:] - risen[:-100]
    if risen[:101].max() > 0.1 or shares.max() < 0.5:
        return None
    middle = x[int(shares.argmax()) + 50]
    logs = np.log(np.asarray(scale, np.float64))
    return float(np.exp(np.interp(middle, fit.x, logs))), float(min(1.0, shares.max()))


def _power(scale: np.ndarray, y: np.ndarray, place: float, share: float, seed: int) -> float:
    """How often a step of that share of the range of y would be found in its noise."""
    fit = _fit(scale, y)
    limit = np.quantile(fit.statistic(fit.drawn(fit.trend, seed + 1)), 1 - LEVEL)
    way = np.sign(fit.trend[-1] - fit.trend[0]) or 1.0
    curve = fit.trend + way * min(share, 1.0) * _range(y) * (scale > place)
    stepped = _weighted(fit.x, curve, fit.weight)
    return float((stepped.statistic(fit.drawn(curve, seed + 2)) > limit).mean())


def _range(y: np.ndarray) -> float:
    return max(float(np.ptp(y)), 1e-300)
