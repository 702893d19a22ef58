from __future__ import annotations

import numpy as np

from lmlab.scaling.interval import Interval, interval


def test_middle_ninety_percent():
    found = interval(0.5, np.linspace(0, 1, 101))
    assert np.allclose([found.low, found.high], [0.05, 0.95])
    assert 0.9 in found and 0.96 not in found
    assert np.isclose(found.share_inside(0.5, 2), 0.5) and found.share_inside(1, 2) == 0
    assert Interval(1, 1, 1).share_inside(0, 2) == 1


def test_failed_draws_are_left_out_and_none_left_means_unbounded():
    assert interval(1.0, np.array([1.0, np.nan, 1.0])).width == 0.0
    assert interval(1.0, np.array([np.nan])).width == float("inf")


def test_text():
    assert Interval(0.45, 0.43, 0.4712).text() == "0.450 (0.430 to 0.471)"
