from __future__ import annotations

import time

import numpy as np
import pytest

from lmlab.scaling.law import CHINCHILLA, Law
from lmlab.scaling.parametric import (
    Frame,
    fit_parametric,
    huber_loss,
    published_starts,
    theta_of,
)
from tests.scaling.synthetic import grid


def test_without_noise_the_law_comes_back():
    fit = fit_parametric(grid())
    for name in ("E", "A", "B", "alpha", "beta", "a"):
        assert getattr(fit.law, name) == pytest.approx(getattr(CHINCHILLA, name), abs=1e-4)
    assert fit.num_starts == 4500 and np.abs(fit.residuals).max() < 1e-9


def test_another_law_comes_back_too():
    law = Law(E=0.9, A=30.0, B=2000.0, alpha=0.2, beta=0.45)
    assert fit_parametric(grid(law=law)).law.alpha == pytest.approx(0.2, abs=1e-4)


def test_250_points_from_4500_starts_are_fitted_fast():
    points = grid(10, 25, noise=0.005)
    start = time.process_time()
    fit_parametric(points)
    assert len(points) == 250 and time.process_time() - start < 30  # about 2 s


def test_the_published_grid_of_starts():
    starts = published_starts()
    assert starts.shape == (4500, 5)
    assert starts.min(0).tolist() == [-1, 0, 0, 0, 0] and starts.max(0).tolist() == [
        1,
        25,
        25,
        2,
        2,
    ]


def test_the_gradient_is_that_of_the_loss():
    points = grid(noise=0.005)
    frame = Frame.of(points)
    loss = huber_loss(frame, np.log(points.loss)[None], 1e-3)
    theta = frame.inward(theta_of(CHINCHILLA)[None]) + 0.01
    gradient = loss(theta, np.arange(1))[1][0]
    for index in range(5):
        step = np.zeros((1, 5))
        step[0, index] = 1e-6
        ends = [loss(theta + sign * step, np.arange(1))[0][0] for sign in (1, -1)]
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4)


def test_one_outlier_hardly_moves_it():
    points = grid()
    points.loss[5] *= 1.2
    assert fit_parametric(points).law.a == pytest.approx(CHINCHILLA.a, abs=1e-3)


def test_what_cannot_be_fitted_is_said():
    points = grid()
    with pytest.raises(ValueError, match="5 points cannot fit"):
        fit_parametric(points.take(np.arange(5)))
    points.tokens[:] = 1e9
    with pytest.raises(ValueError, match="same tokens"):
        fit_parametric(points)
