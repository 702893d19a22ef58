from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.smooth_curve import FORMS, mean_squares, nearby

X = np.linspace(-1, 1, 12)
GAP = X[1] - X[0]
ONES = np.ones(12)


def left(y, weight=ONES):
    """What the nearest of all forms leaves, as a fraction of the range."""
    return np.sqrt(mean_squares((weight * y)[None], nearby(X, y, weight)).min()) / np.ptp(y)


@pytest.mark.parametrize("name", FORMS)
def test_the_slope_is_that_of_the_values(name):
    z, by = np.linspace(-3, 3, 13), 1e-6
    form = FORMS[name]
    slope = (form.values(z + by) - form.values(z - by)) / (2 * by)
    assert form.slope(z) == pytest.approx(slope, abs=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if not form.edge])
def test_the_middle_of_a_rise_is_as_wide_as_its_spread(name):
    form = FORMS[name]
    z = np.linspace(-40, 40, 80001)
    values = form.slope(z) if name == "knee" else form.values(z)
    low, high = np.interp([0.1, 0.9], (values - values[0]) / (values[-1] - values[0]), z)
    assert high - low == pytest.approx(form.spread, rel=0.01)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_found_again_to_a_ten_thousandth(name):
    form = FORMS[name]
    width = 3 * GAP / form.spread
    place = {-1: X[0], 1: X[-1]}.get(form.edge, 0.07)
    assert left(2.0 - 0.7 * form.values((X - place) / width)) < 1e-4


def test_a_step_and_a_rise_between_two_scales_are_not_smooth():
    assert left((X > 0).astype(float)) > 0.03
    assert left(FORMS["logistic"].values((X - 0.5 * GAP) / (0.1 * GAP))) > 0.03


def test_a_step_is_found_beside_a_form_and_its_size_is_its_weight():
    step = (X > 0).astype(float)
    y = FORMS["logistic"].values(X / 0.4) - 0.3 * step
    found = nearby(X, y, ONES, step)
    best = found[int(mean_squares(y[None], found).argmin())]
    assert np.linalg.lstsq(best, y, rcond=None)[0][1] == pytest.approx(-0.3, abs=1e-3)


def test_weights_say_which_values_count():
    wrong = np.arange(12) == 4
    y = X**3 + 0.5 * wrong
    assert left(y) > 0.01 > left(y, np.where(wrong, 1e-6, 1.0))
