from __future__ import annotations

import numpy as np

from lmlab.scaling.bootstrap import bootstrap_laws, redraw, refit
from lmlab.scaling.law import CHINCHILLA
from lmlab.scaling.parametric import ParametricFit, fit_parametric
from tests.scaling.synthetic import grid

NAMES = ("alpha", "beta", "a", "E")


def test_ninety_percent_intervals_cover_85_to_95_percent_of_200_replicates():
    points = grid()
    rng = np.random.default_rng(5)
    losses = np.log(points.loss) + 0.005 * rng.standard_normal((200, len(points)))
    covered = dict.fromkeys(NAMES, 0)
    for row, law in enumerate(refit(points, CHINCHILLA, losses)):
        residuals = losses[row] - np.log(law.loss(points.params, points.tokens))
        fit = ParametricFit(law, 0.0, residuals, 1.0, 1, 0.0)
        draws = bootstrap_laws(points, fit, num_draws=200, seed=row)
        for name in NAMES:
            low, high = np.quantile([getattr(draw, name) for draw in draws], [0.05, 0.95])
            covered[name] += low <= getattr(CHINCHILLA, name) <= high
    assert all(170 <= count <= 190 for count in covered.values()), covered


def test_a_warm_fit_ends_where_the_4500_starts_do():
    points = grid(noise=0.005, seed=3)
    (warm,) = refit(points, CHINCHILLA, np.log(points.loss)[None])
    full = fit_parametric(points).law
    assert abs(warm.alpha - full.alpha) < 1e-5 and abs(warm.E - full.E) < 1e-5


def test_without_noise_all_draws_are_the_law():
    points = grid()
    draws = bootstrap_laws(points, fit_parametric(points), num_draws=5)
    assert max(abs(draw.alpha - 0.34) for draw in draws) < 1e-6


def test_redrawn_residuals_are_as_wide_as_the_noise():
    rng = np.random.default_rng(0)
    residuals = rng.standard_normal(40)
    drawn = redraw(residuals, (2000, 40), rng)
    assert 1.0 < drawn.std() / residuals.std() < 1.3
    assert np.array_equal(
        redraw(residuals, (3,), np.random.default_rng(1)),
        redraw(residuals, (3,), np.random.default_rng(1)),
    )
