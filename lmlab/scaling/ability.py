"""Ability curves: at which scale an ability appears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmlab.scaling.interval import Interval, interval


@dataclass(frozen=True, slots=True)
class AbilityCurve:
    """score = chance + (1 - chance) / (1 + (midpoint / scale)^steepness).

    midpoint: the scale of half the way from chance to 1; appears: of a tenth of that way;
    reached: whether the midpoint lies within the scales tried.
    """

    name: str
    chance: float
    midpoint: Interval
    appears: float
    steepness: float
    reached: bool
    scale: np.ndarray
    score: np.ndarray

    def __call__(self, scale: np.ndarray) -> np.ndarray:
        return logistic(np.log(scale), np.log(self.midpoint.value), self.steepness, self.chance)


def logistic(
    log_scale: np.ndarray,
    middle: np.ndarray | float,
    steepness: np.ndarray | float,
    chance: float,
) -> np.ndarray:
    """Score of each log scale."""
    return chance + (1.0 - chance) / (1.0 + np.exp(-steepness * (log_scale - middle)))


def fit_ability(
    name: str,
    scale: np.ndarray,
    score: np.ndarray,
    *,
    chance: float = 0.0,
    num_draws: int = 200,
    seed: int = 0,
) -> AbilityCurve:
    """A logistic curve in log scale from `chance` to 1, by least squares over a refined grid.

    scale (n,) parameters, tokens or FLOPs; score (n,) in 0..1; n of 4 or more.
    Raises: ValueError for fewer than 4 points or scores outside 0..1.
    Source: row S1-05.
    """
    if len(scale) < 4 or not 0 <= score.min() <= score.max() <= 1:
        raise ValueError(
            f"ability {name!r}: needs 4 or more scales with scores in 0..1, not {len(scale)} in "
            f"{score.min():.3g}..{score.max():.3g}"
        )
    logs = np.log(np.asarray(scale, np.float64))
    middle, steepness = (part[0] for part in _fit(logs, score[None], chance))
    fitted = logistic(logs, middle, steepness, chance)
    rng = np.random.default_rng(seed)
    noise = rng.choice(score - fitted, (num_draws, len(logs))) * np.sqrt(
        len(logs) / (len(logs) - 2)
    )
    draws = _fit(logs, np.clip(fitted + noise, 0, 1), chance)[0]
    return AbilityCurve(
        name=name,
        chance=chance,
        midpoint=interval(float(np.exp(middle)), np.exp(draws)),
        appears=float(np.exp(middle - np.log(9.0) / steepness)),
        steepness=float(steepness),
        reached=bool(logs.min() <= middle <= logs.max()),
        scale=np.asarray(scale),
        score=np.asarray(score),
    )


def _fit(logs: np.ndarray, scores: np.ndarray, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """Middles and steepnesses (S,) of scores (S, n): a grid, then one finer grid around each best."""
    span = np.ptp(logs)
    middles = np.linspace(logs.min() - 0.5 * span, logs.max() + span, 101)
    slopes = np.geomspace(1.0 / span, 60.0 / span, 33)
    middle, slope = _search(logs, scores, chance, *np.meshgrid(middles, slopes, indexing="ij"))
    for shrink in (1.0, 0.15):
        near = np.linspace(-1, 1, 15) * (middles[1] - middles[0]) * shrink
        ratio = (slopes[1] / slopes[0]) ** (np.linspace(-1, 1, 15) * shrink)
        for row in range(len(scores)):
            grid = np.meshgrid(middle[row] + near, slope[row] * ratio, indexing="ij")
            found = _search(logs, scores[row : row + 1], chance, *grid)
            middle[row], slope[row] = found[0][0], found[1][0]
    return middle, slope


def _search(
    logs: np.ndarray, scores: np.ndarray, chance: float, middles: np.ndarray, slopes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    middles, slopes = middles.ravel(), slopes.ravel()
    with np.errstate(over="ignore"):
        curves = logistic(logs, middles[:, None], slopes[:, None], chance)
    error = (curves**2).sum(1) - 2 * scores @ curves.T
    best = error.argmin(1)
    return middles[best], slopes[best]
