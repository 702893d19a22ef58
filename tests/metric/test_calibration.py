from __future__ import annotations

import math

import numpy as np
import pytest

from lmlab.metric.calibration import Bin, calibration_curve, calibration_error


def test_two_bins_by_hand():
    sure = math.log(9)  # 0.9
    curve = calibration_curve(np.array([sure, sure, -sure, sure, 0.0]), num_bins=2)
    assert curve == [Bin(0.5, 0.5, 1), Bin(pytest.approx(0.9), 0.75, 4)]
    assert calibration_error(curve) == pytest.approx(0.15 * 4 / 5)


def test_margins_that_follow_the_model_are_calibrated():
    rng = np.random.default_rng(0)
    size = rng.exponential(2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-size))
    curve = calibration_curve(np.where(right, size, -size))
    assert calibration_error(curve) < 0.02 and sum(bin.count for bin in curve) == 20_000


def test_certainty_falls_into_the_last_bin():
    assert calibration_curve(np.array([1e9]))[0] == Bin(1.0, 1.0, 1)
