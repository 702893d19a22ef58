from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.figure.style import (
    SCALE,
    count_text,
    drawing,
    log_axis,
    log_ticks,
    padded,
    power_text,
)


@pytest.mark.parametrize(
    ("value", "text"), [(30_000, "30k"), (1.5e6, "1.5M"), (7e10, "70B"), (3, "3"), (999_999, "1M")]
)
def test_counts(value, text):
    assert count_text(value) == text


def test_powers():
    assert power_text(1e21) == "$10^{21}$" and power_text(3e18) == "$3{\\times}10^{18}$"


@pytest.mark.parametrize(
    ("low", "high"), [(1e18, 1e22), (2.1, 3.9), (3.3, 15.0), (2e4, 3e6), (1.69, 1.71), (1, 1e12)]
)
def test_ticks_are_three_to_ten_and_inside(low, high):
    ticks = log_ticks(low, high)
    assert 3 <= len(ticks) <= 10 and low * 0.99 <= min(ticks) and max(ticks) <= high * 1.01


def test_an_axis_gets_round_labels():
    with drawing() as (figure, axes):
        axes.plot([1e5, 1e8], [1, 2])
        log_axis(axes.xaxis, count_text)
    figure.canvas.draw()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["100k", "1M", "10M", "100M"]


def test_margins_and_colours():
    low, high = padded(np.array([10.0, 1000.0]), 0.1)
    assert low == pytest.approx(10**0.8) and high == pytest.approx(10**3.2)
    assert sum(SCALE(1.0)[:3]) < 2.0  # dark enough on white
