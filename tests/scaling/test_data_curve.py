from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.data_curve import data_curves, fit_data_curve, marginal_exponent
from lmlab.scaling.points import make_points

TOKENS = np.geomspace(1e6, 1e10, 15)


def test_floor_factor_and_exponent_come_back():
    curve = fit_data_curve(TOKENS, 1.7 + 400 * TOKENS**-0.28)
    assert curve.exponent.value == pytest.approx(-0.28, abs=1e-4)
    assert curve.floor == pytest.approx(1.7, abs=1e-3) and curve.factor == pytest.approx(
        400, rel=1e-2
    )


def test_without_a_floor_it_is_a_power_law():
    curve = fit_data_curve(TOKENS, 30 * TOKENS**-0.1)
    assert curve.floor < 0.02 and curve.exponent.value == pytest.approx(-0.1, abs=2e-3)


def test_the_interval_holds_the_truth_under_noise():
    rng = np.random.default_rng(2)
    noisy = (1.7 + 400 * TOKENS**-0.28) * np.exp(0.003 * rng.standard_normal(15))
    assert -0.28 in fit_data_curve(TOKENS, noisy).exponent


def test_a_curve_for_every_size_with_enough_points():
    sizes = np.repeat([1e6, 1e7, 1e8], [15, 15, 2])
    tokens = np.concatenate([TOKENS, TOKENS, TOKENS[:2]])
    found = data_curves(make_points(sizes, tokens, 2 + 50 * tokens**-0.2))
    assert set(found) == {1e6, 1e7}
    assert marginal_exponent(found).value == pytest.approx(-0.2, abs=1e-3)
    assert marginal_exponent({}) is None


def test_too_few_points():
    with pytest.raises(ValueError, match="4 different"):
        fit_data_curve(TOKENS[:3], np.ones(3))
