from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.ability import fit_ability, logistic

SCALE = np.geomspace(1e6, 1e10, 12)


def score(middle, steepness, chance, noise=0.0):
    clean = logistic(np.log(SCALE), np.log(middle), steepness, chance)
    return np.clip(clean + noise * np.random.default_rng(0).standard_normal(12), 0, 1)


def test_the_midpoint_comes_back():
    curve = fit_ability("sums", SCALE, score(1e8, 1.5, 0.25), chance=0.25, num_draws=5)
    assert curve.midpoint.value == pytest.approx(1e8, rel=0.03) and curve.reached
    assert curve.steepness == pytest.approx(1.5, rel=0.05)
    assert curve(np.array([1e8]))[0] == pytest.approx(0.625, abs=0.01)
    assert curve.appears == pytest.approx(1e8 * 9 ** (-1 / 1.5), rel=0.1)


def test_the_interval_holds_the_midpoint_under_noise():
    assert 1e8 in fit_ability("sums", SCALE, score(1e8, 1.5, 0.0, 0.02)).midpoint


def test_abilities_are_ordered_and_one_out_of_reach_says_so():
    early, late, never = (
        fit_ability("x", SCALE, score(m, 2.0, 0.0), num_draws=5) for m in (1e7, 1e9, 1e13)
    )
    assert early.midpoint.high < late.midpoint.low and not never.reached


def test_scores_are_fractions():
    with pytest.raises(ValueError, match=r"scores in 0\.\.1"):
        fit_ability("sums", SCALE, 50 * np.ones(12))
