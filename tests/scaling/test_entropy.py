from __future__ import annotations

import pytest

from lmlab.scaling.entropy import check_entropy
from lmlab.scaling.interval import Interval


def test_inside_above_and_below():
    inside = check_entropy(Interval(1.70, 1.66, 1.74), 1.69)
    assert inside.agrees and inside.gap == pytest.approx(0.01) and "agrees with" in inside.reason
    assert "is above" in check_entropy(Interval(1.80, 1.75, 1.85), 1.69).reason
    assert "is below" in check_entropy(Interval(1.60, 1.55, 1.65), 1.69).reason


def test_a_wide_interval_says_little():
    assert "says little" in check_entropy(Interval(1.7, 1.0, 2.4), 1.69).reason
