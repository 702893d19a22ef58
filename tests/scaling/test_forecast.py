from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.forecast import forecast, forecast_largest
from tests.scaling.synthetic import grid


def test_without_noise_the_largest_budget_is_foreseen_exactly():
    found = forecast_largest(grid(4, 5), num_draws=20)
    assert len(found.held_out) == 5 and found.held_out.flops.min() == pytest.approx(1e22)
    assert np.abs(found.error).max() < 1e-6


def test_with_noise_the_interval_holds_most():
    points = grid(6, 7, noise=0.005, seed=2)
    found = forecast_largest(points, num_draws=200)
    assert np.abs(found.error).max() < 0.02 and found.covered >= 0.7
    assert "held-out" in found.text() and "inside the 90 % interval" in found.text()


def test_any_runs_can_be_held_out():
    points = grid(4, 5, noise=0.002)
    small = points.params < np.median(points.params)
    assert (
        len(forecast(points.take(small), points.take(~small), num_draws=20).error) == (~small).sum()
    )


def test_too_few_budgets():
    with pytest.raises(ValueError, match="needs two others"):
        forecast_largest(grid(2, 7))
