from __future__ import annotations

import numpy as np
import pytest

from lmlab.metric.win_rate import paired_difference, wilson, win_rate


def test_wilson_by_hand():
    found = wilson(8, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 5).low == 0 and wilson(5, 5).high == 1
    with pytest.raises(ValueError, match="one comparison or more"):
        wilson(0, 0)


def test_a_tie_is_half_a_win():
    assert win_rate(np.array([1, 2, 3, 3]), np.array([0, 2, 4, 3])).value == 0.5


def test_the_interval_of_a_difference_covers_the_mean_and_is_reproducible():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0.5, 1, 200), rng.normal(0, 1, 200)
    found = paired_difference(ours, theirs)
    assert found == paired_difference(ours, theirs)
    error = (ours - theirs).std() / 200**0.5
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.02)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.02)


def test_unequal_sides_are_refused():
    with pytest.raises(ValueError, match="two equal rows"):
        win_rate(np.zeros(2), np.zeros(3))
