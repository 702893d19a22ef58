from __future__ import annotations

import numpy as np

from lmlab.scaling.interval import Interval
from lmlab.scaling.isoflop import fit_isoflop
from lmlab.scaling.law import CHINCHILLA
from lmlab.scaling.parametric import fit_parametric
from lmlab.scaling.points import make_points
from lmlab.scaling.warn import count_warnings, fit_warnings, grid_warnings
from tests.scaling.synthetic import grid


def test_a_good_grid_has_no_warnings():
    points = grid(noise=0.005)
    assert grid_warnings(points, fit_isoflop(points)) == [] == count_warnings(points)
    assert fit_warnings(fit_parametric(points), {"a": Interval(0.45, 0.44, 0.46)}) == []


def test_an_off_centre_grid_is_named_with_what_to_add():
    points = grid(3, 5, shift=30.0)
    found = grid_warnings(points, fit_isoflop(points))
    assert len(found) == 3 and all("off-centre" in text and "add smaller" in text for text in found)
    near = grid(3, 5, shift=0.15)
    assert "near the end" in grid_warnings(near, None, CHINCHILLA)[0]


def test_budgets_with_too_few_sizes():
    points = grid(4, 3)
    found = grid_warnings(points.take(np.array([0, 3, 4, 6, 7, 8, 9, 10, 11])), None)
    assert "fewer than two sizes" in found[0] and "too few for its parabola" in found[1]
    assert "3 or more to be tested" in grid_warnings(grid(2, 3), None)[-1]


def test_tokens_in_step_with_size_are_not_identified():
    points = grid(noise=0.002)
    tied = make_points(
        points.params, 20 * points.params, CHINCHILLA.loss(points.params, 20 * points.params)
    )
    found = fit_warnings(fit_parametric(tied), {})
    assert any("not identified" in text for text in found)


def test_a_wide_interval_is_named():
    found = fit_warnings(fit_parametric(grid()), {"alpha": Interval(0.34, 0.1, 0.6)})
    assert "alpha = 0.340 (0.100 to 0.600) is not identified" in found[0]


def test_compute_that_counts_more_than_six_n_d_for_small_models():
    points = grid()
    points.flops[:7] *= 1.5
    assert "6.00 to 9.00" in count_warnings(points)[0]
