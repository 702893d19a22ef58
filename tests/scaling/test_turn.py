"""Where a proxy and the gold part: by hand, and what noise may not bring about."""

from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.turn import averaged, correlated, find_turn


def test_a_gold_that_falls_from_the_middle_on_turns_there():
    x = np.arange(12.0)
    found = find_turn(x, x, -np.abs(x - 5))
    assert found.place == 5 and found.high < 0 and found.correlation < -0.99


def test_curves_that_rise_together_never_part():
    x = np.arange(12.0)
    found = find_turn(x, x, np.sqrt(x))
    assert found.place is None and found.low > 0.9


def test_noise_alone_rarely_parts():
    draw = np.random.default_rng(0)
    x = np.arange(200.0)
    parted = [
        find_turn(x, x + draw.normal(0, 9, 200), x + draw.normal(0, 9, 200)).place
        for _ in range(50)
    ]
    assert sum(place is not None for place in parted) <= 2


def test_a_flat_curve_says_nothing():
    assert correlated(np.arange(5.0), np.ones(5)) == (0.0, -1.0, 1.0)
    with pytest.raises(ValueError, match="3 points are too few"):
        find_turn(np.arange(3.0), np.arange(3.0), np.arange(3.0))


def test_long_curves_are_averaged_in_order():
    assert averaged(np.arange(40.0)).tolist() == [0.5 + 2 * n for n in range(20)]
    assert averaged(np.arange(5.0)).tolist() == [0, 1, 2, 3, 4]
