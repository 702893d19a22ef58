"""Is a jump with scale in the ability, or in the metric: a change-point test of two forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

NUM_SIMULATIONS = 2000
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A test of a smooth curve against one with a break, over n scales.

    p_value: chance of so large an F without a break; place: the scale after which it is; step: the
    break in the metric's unit over half a step of log scale; share: of the whole range, 0..1 and more.
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


def change_point(scale: np.ndarray, metric: np.ndarray, *, seed: int = 0) -> ChangePoint:
    """The largest F of a quadratic in log scale with a break against one without.

    scale (n,) > 0, metric (n,), n of 7 or more. The break is a step and a change of slope at one of
    the inner scales; the p-value compares with Gaussian noise around the curve without one.
    Raises: ValueError for fewer than 7 scales.
    """
    order = np.argsort(scale)
    scale, metric = np.asarray(scale)[order], np.asarray(metric)[order]
    x, y, curve, breaks = _design(scale, metric)
    found = _largest_f(y[None], curve, breaks)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((NUM_SIMULATIONS, len(x)))
    chance = _largest_f(noise, curve, breaks)[0]
    p_value = (1 + (chance >= found[0][0]).sum()) / (1 + NUM_SIMULATIONS)
    best = breaks[found[1][0]]
    weights = np.linalg.lstsq(np.hstack([curve, best]), y, rcond=None)[0][-2:]
    after = int(np.argmax(best[:, 0]))
    step = float(weights[0] + weights[1] * (x[after] - x[after - 1]) / 2)
    share = abs(step) / max(float(np.ptp(y)), 1e-300)
    return ChangePoint(float(p_value), float(scale[after - 1]), step, share)


def judge_jump(
    scale: np.ndarray, smooth: np.ndarray, thresholded: np.ndarray, *, seed: int = 0
) -> JumpVerdict:
    """Compare a metric's smooth form (such as log-likelihood) and its thresholded one (accuracy).

    "artefact of the metric" needs a sharp thresholded form, a smooth one that is not, and at least
    0.8 chance that a jump of the same share would have been found in it; else nothing is resolved.
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
    power = _power(scale, smooth, tests[1], seed)
    values = f"p = {tests[0].p_value:.3f} smooth, {tests[1].p_value:.3f} thresholded"
    if tests[0].sharp and tests[1].sharp:
        near = f"near {tests[1].place:.3g}"
        return JumpVerdict("sharp in both", f"{values}; the break is {near}", *tests, power)
    if tests[1].sharp and power >= 0.8:
        reason = f"{values}; the smooth form would show such a jump with probability {power:.2f}"
        return JumpVerdict("artefact of the metric", reason, *tests, power)
    if tests[1].sharp:
        reason = f"{values}, but the smooth form would miss such a jump too (power {power:.2f})"
    elif tests[0].sharp:
        reason = f"{values}: only the smooth form breaks"
    else:
        reason = f"{values}: no break beyond the noise of {len(scale)} scales; add scales or seeds"
    return JumpVerdict("not resolved", reason, *tests, power)


def _design(
    scale: np.ndarray, metric: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """x in -1..1, y, the smooth columns (n, 3), and (n, 2) step and hinge of every break."""
    if len(scale) < 7:
        raise ValueError(f"{len(scale)} scales cannot tell a jump from a curve; 7 or more can")
    logs = np.log(np.asarray(scale, np.float64))
    x = 2 * (logs - logs.min()) / np.ptp(logs) - 1
    curve = np.stack([np.ones_like(x), x, x**2], 1)
    breaks = []
    for last in range(1, len(x) - 2):  # at least two scales on either side
        after = (x > x[last]).astype(np.float64)
        middle = (x[last] + x[last + 1]) / 2
        breaks.append(np.stack([after, after * (x - middle)], 1))
    return x, np.asarray(metric, np.float64), curve, breaks


def _largest_f(
    y: np.ndarray, curve: np.ndarray, breaks: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """(S,) the largest F over breaks of every row of y (S, n), and (S,) which break it is."""
    base = _left(y, curve)
    spare = y.shape[1] - curve.shape[1] - 2
    floor = 1e-24 * (y**2).sum(1) + 1e-300
    values = []
    for columns in breaks:
        rest = np.maximum(_left(y, np.hstack([curve, columns])), floor)
        values.append((np.maximum(base, floor) - rest) / 2 / (rest / max(1, spare)))
    table = np.stack(values)
    return table.max(0), table.argmax(0)


def _left(y: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(S,) sums of squares that the columns leave unexplained."""
    basis = np.linalg.qr(columns)[0]
    return ((y - (y @ basis) @ basis.T) ** 2).sum(1)


def _power(scale: np.ndarray, smooth: np.ndarray, jump: ChangePoint, seed: int) -> float:
    """How often a step of the thresholded form's share would be found in the smooth form's noise."""
    x, y, curve, breaks = _design(scale, smooth)
    weights = np.linalg.lstsq(curve, y, rcond=None)[0]
    trend = curve @ weights
    noise = np.sqrt(((y - trend) ** 2).sum() / (len(y) - 3))
    step = min(jump.share, 1.0) * np.ptp(y) * (scale > jump.place)
    rng = np.random.default_rng(seed + 1)
    drawn = rng.standard_normal((NUM_SIMULATIONS, len(x)))
    limit = np.quantile(_largest_f(drawn, curve, breaks)[0], 1 - LEVEL)
    found = _largest_f(trend + step + noise * drawn[::-1], curve, breaks)[0]
    return float((found > limit).mean())
