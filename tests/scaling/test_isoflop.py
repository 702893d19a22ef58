from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.isoflop import fit_isoflop
from lmlab.scaling.law import CHINCHILLA, Law
from lmlab.scaling.points import make_points
from tests.scaling.synthetic import grid


def test_exact_parabolas_come_back():
    flops = np.repeat([6e18, 6e20], 5)
    best = np.repeat([1e8, 1e9], 5)
    params = best * np.tile([0.1, 0.3, 1.0, 3.0, 10.0], 2)
    loss = np.exp(1.0 + 0.05 * np.log(params / best) ** 2)
    fit = fit_isoflop(make_points(params, flops / 6 / params, loss))
    assert [round(parabola.best_params) for parabola in fit.parabolas] == [1e8, 1e9]
    assert fit.a.value == pytest.approx(0.5) and all(p.inside for p in fit.parabolas)
    assert fit.optimum(6e22)[0] == pytest.approx(1e10)


def test_a_symmetric_law_gives_its_exponent_exactly():
    law = Law(E=1.7, A=400.0, B=400.0, alpha=0.3, beta=0.3)
    assert fit_isoflop(grid(law=law)).a.value == pytest.approx(0.5, abs=1e-6)


def test_centred_it_is_close_and_off_centre_it_is_biased_even_without_noise():
    centred, beside = fit_isoflop(grid()), fit_isoflop(grid(shift=0.1))
    assert centred.a.value == pytest.approx(CHINCHILLA.a, abs=0.001)
    assert abs(beside.a.value - CHINCHILLA.a) > 0.02


def test_the_interval_holds_the_truth_under_noise():
    assert CHINCHILLA.a in fit_isoflop(grid(noise=0.005, seed=1)).a


def test_budgets_without_a_minimum_are_left_out():
    points = grid(3, 5)
    points.loss[:5] = np.exp(-0.1 * np.log(points.params[:5] / points.params[2]) ** 2)
    assert len(fit_isoflop(points).parabolas) == 2
    with pytest.raises(ValueError, match="needs two budgets"):
        fit_isoflop(points.take(np.arange(10)))
