"""Forecast of larger runs that the fit has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmlab.scaling.bootstrap import bootstrap_laws, redraw
from lmlab.scaling.interval import LEVEL
from lmlab.scaling.law import Law
from lmlab.scaling.parametric import fit_parametric
from lmlab.scaling.points import Points, budget_of


@dataclass(frozen=True, slots=True)
class Forecast:
    """Predicted against measured loss of held-out runs, each (m,).

    low, high: the 90 % interval of one new run, its noise included; error: predicted / measured - 1;
    covered: the fraction of measured losses inside, 0..1.
    """

    held_out: Points
    predicted: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def error(self) -> np.ndarray:
        return self.predicted / self.held_out.loss - 1.0

    @property
    def covered(self) -> float:
        inside = (self.low <= self.held_out.loss) & (self.held_out.loss <= self.high)
        return float(inside.mean())

    def text(self) -> str:
        """One sentence."""
        worst = float(np.abs(self.error).max())
        return (
            f"{len(self.held_out)} held-out run(s) of up to {self.held_out.flops.max():.3g} FLOPs: "
            f"mean error {100 * self.error.mean():+.2f} %, largest {100 * worst:.2f} %, "
            f"{100 * self.covered:.0f} % inside the 90 % interval"
        )


def forecast_largest(points: Points, *, num_draws: int = 400, seed: int = 0) -> Forecast:
    """Fit without the largest budget and predict it.

    Raises: ValueError where fewer than two budgets or six points would be left to fit.
    """
    numbers = budget_of(points.flops)
    largest = numbers == numbers.max()
    if numbers.max() < 2 or (~largest).sum() < 6:
        raise ValueError(
            f"{numbers.max() + 1} budget(s) and {(~largest).sum()} smaller points: holding out the "
            "largest budget needs two others with 6 points together"
        )
    return forecast(points.take(~largest), points.take(largest), num_draws=num_draws, seed=seed)


def forecast(seen: Points, held_out: Points, *, num_draws: int = 400, seed: int = 0) -> Forecast:
    """The loss of `held_out` from a parametric fit to `seen`."""
    fit = fit_parametric(seen)
    laws = bootstrap_laws(seen, fit, num_draws=num_draws, seed=seed)
    draws = losses(laws, held_out.params, held_out.tokens)
    rng = np.random.default_rng(seed + 1)
    draws = draws * np.exp(redraw(fit.residuals, draws.shape, rng))
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Forecast(held_out, fit.law.loss(held_out.params, held_out.tokens), low, high)


def losses(laws: list[Law], params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """(S, m) losses of every law at the sizes and tokens (m,)."""
    return np.stack([law.loss(params, tokens) for law in laws])
