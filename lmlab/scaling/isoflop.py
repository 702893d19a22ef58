"""Chinchilla's second approach: a parabola through every budget's runs, a law through the minima."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmlab.scaling.bootstrap import redraw
from lmlab.scaling.interval import Interval, interval
from lmlab.scaling.points import FLOPS_PER_PARAM_TOKEN, Points, budget_of
from lmlab.scaling.power_law import PowerLaw, fit_power_law, line


@dataclass(frozen=True, slots=True)
class Parabola:
    """log L = c + b x + a x^2 with x = log N, of one budget.

    best_params, best_loss: of its minimum; inside: whether that lies within the sizes tried.
    """

    flops: float
    coefficients: np.ndarray
    best_params: float
    best_loss: float
    inside: bool

    def __call__(self, params: np.ndarray) -> np.ndarray:
        return np.exp(np.polyval(self.coefficients, np.log(params)))


@dataclass(frozen=True, slots=True)
class IsoflopFit:
    """a: exponent of N_opt ~ C^a; size: that law; loss: of the minima, L ~ C^exponent."""

    parabolas: list[Parabola]
    a: Interval
    size: PowerLaw
    loss: PowerLaw

    def optimum(
        self, flops: float, per: float = FLOPS_PER_PARAM_TOKEN
    ) -> tuple[float, float, float]:
        """(size, tokens, loss) for a compute, with `per` N D = C."""
        params = float(self.size(flops))
        return params, flops / per / params, float(self.loss(flops))


def fit_isoflop(points: Points, *, num_draws: int = 400, seed: int = 0) -> IsoflopFit:
    """Parabolas of log loss over log size at equal compute, and the power law of their minima.

    Budgets with fewer than 3 sizes, or whose parabola has no minimum, are left out.
    Raises: ValueError when fewer than two budgets are left.
    Source: Hoffmann et al. 2022 section 3.2; row S3-61. Biased, even without noise, where the sizes
    of a budget do not lie evenly about its best one (arXiv 2603.22339).
    """
    groups = [rows for rows in _budgets(points) if len(np.unique(rows.params)) >= 3]
    fits = [(rows, *_parabola(rows)) for rows in groups]
    kept = [(rows, parabola, noise) for rows, parabola, noise in fits if parabola is not None]
    if len(kept) < 2:
        raise ValueError(
            f"{len(kept)} budget(s) have a parabola with a minimum (3 or more sizes each); "
            "approach 2 needs two budgets: add sizes on both sides of the best one"
        )
    parabolas = [parabola for _, parabola, _ in kept]
    flops = np.array([parabola.flops for parabola in parabolas])
    size = fit_power_law(flops, np.array([p.best_params for p in parabolas]))
    loss = fit_power_law(flops, np.array([p.best_loss for p in parabolas]))
    rng = np.random.default_rng(seed)
    # Budgets share one noise: a single budget has too few points to know its own.
    noise = np.concatenate([rest for _, _, rest in kept])
    draws = np.stack([_minima(rows, par, noise, num_draws, rng) for rows, par, _ in kept], 1)
    slopes = np.full(num_draws, np.nan)
    good = np.isfinite(draws).all(1)
    if good.mean() > 0.5:
        slopes[good] = line(np.log(flops), draws[good])[0]
    return IsoflopFit(parabolas, interval(size.exponent.value, slopes), size, loss)


def _budgets(points: Points) -> list[Points]:
    numbers = budget_of(points.flops)
    return [points.take(numbers == number) for number in range(numbers.max() + 1)]


def _parabola(rows: Points) -> tuple[Parabola | None, np.ndarray]:
    """The parabola of one budget and its residuals, each widened for the three numbers fitted."""
    x, y = np.log(rows.params), np.log(rows.loss)
    coefficients = np.polyfit(x - x.mean(), y, 2)
    residuals = y - np.polyval(coefficients, x - x.mean())
    residuals *= np.sqrt(len(x) / max(1, len(x) - 3))
    if coefficients[0] <= 0:
        return None, residuals
    place = x.mean() - coefficients[1] / (2 * coefficients[0])
    shifted = np.poly1d(coefficients)(np.poly1d([1.0, -x.mean()])).coeffs
    best = float(np.exp(np.polyval(coefficients, place - x.mean())))
    flops = float(np.exp(np.log(rows.flops).mean()))
    inside = bool(x.min() < place < x.max())
    return Parabola(flops, shifted, float(np.exp(place)), best, inside), residuals


def _minima(
    rows: Points, parabola: Parabola, noise: np.ndarray, num_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """(S,) log sizes of the minima of redrawn budgets; nan where a parabola opens downwards."""
    x = np.log(rows.params)
    clean = np.polyval(parabola.coefficients, x)
    y = clean + redraw(noise, (num_draws, len(x)), rng, num_fitted=0)
    bend, slope, _ = np.polyfit(x - x.mean(), y.T, 2)
    return np.where(bend > 0, x.mean() - slope / (2 * np.where(bend > 0, bend, 1.0)), np.nan)
