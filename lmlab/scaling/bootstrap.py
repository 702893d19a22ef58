"""Bootstrap of the parametric law: the same fit to many noisy copies of the fitted grid."""

from __future__ import annotations

import numpy as np

from lmlab.scaling.law import Law
from lmlab.scaling.parametric import HUBER_DELTA, Frame, ParametricFit, law_of, solve, theta_of
from lmlab.scaling.points import Points

NUM_DRAWS = 400


def bootstrap_laws(
    points: Points,
    fit: ParametricFit,
    *,
    num_draws: int = NUM_DRAWS,
    seed: int = 0,
    delta: float = HUBER_DELTA,
) -> list[Law]:
    """Laws fitted to `num_draws` copies of the grid, each the fitted law and redrawn residuals.

    Residuals are drawn with replacement, widened by sqrt(n / (n - 5)) for the 5 numbers fitted,
    and smoothed by a normal kernel (Silverman's width): this loss passes close to some points, and
    their residuals near 0 would otherwise be drawn too often and the intervals come out narrow.
    docs/scaling_laws.md has the measured coverage. Every fit starts from the best law.
    """
    rng = np.random.default_rng(seed)
    fitted = np.log(fit.law.loss(points.params, points.tokens))
    noise = redraw(fit.residuals, (num_draws, len(points)), rng)
    return refit(points, fit.law, fitted + noise, delta)


def redraw(
    residuals: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator, num_fitted: int = 5
) -> np.ndarray:
    """Smoothed, widened residuals of a fit of `num_fitted` numbers, drawn with replacement."""
    num = len(residuals)
    wide = residuals * np.sqrt(num / max(1, num - num_fitted))
    quartiles = np.quantile(wide, [0.25, 0.75])
    width = 1.06 * min(wide.std(), float(np.ptp(quartiles)) / 1.34) * num**-0.2
    return rng.choice(wide, shape) + width * rng.standard_normal(shape)


def refit(points: Points, law: Law, targets: np.ndarray, delta: float = HUBER_DELTA) -> list[Law]:
    """Laws for the log losses `targets` (S, n) at the same sizes and tokens, warm from `law`."""
    frame = Frame.of(points)
    centre = frame.inward(theta_of(law)[None])[0]
    jacobian = frame.jacobian(centre[None])[0]
    values, vectors = np.linalg.eigh(jacobian.T @ jacobian / len(points))
    basis = vectors / np.sqrt(np.maximum(values, 1e-9 * values[-1]))
    found = solve(
        frame,
        targets,
        np.zeros((len(targets), 5)),
        delta,
        max_iterations=150,
        tolerance=1e-8,
        chart=(centre, basis),
    )
    inner = centre + found.theta @ basis.T
    return [law_of(row) for row in frame.outward(inner)]
