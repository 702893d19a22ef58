from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.lbfgs import minimise


def rosenbrock(theta, rows):
    x, y = theta.T
    value = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    return value, np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], 1)


def test_every_start_finds_the_minimum_of_rosenbrock():
    starts = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    found = minimise(rosenbrock, starts, max_iterations=500)
    assert np.allclose(found.theta, 1.0, atol=1e-5) and found.value.max() < 1e-9


def test_each_row_has_its_own_function():
    aims = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, -6.0]])

    def bowl(theta, rows):
        gap = theta - aims[rows]
        return (gap**2 * [1.0, 30.0]).sum(1), 2 * gap * [1.0, 30.0]

    assert np.allclose(minimise(bowl, np.zeros((3, 2))).theta, aims, atol=1e-6)


def test_together_is_as_alone():
    starts = np.random.default_rng(1).uniform(-2, 2, (5, 2))
    together = minimise(rosenbrock, starts, max_iterations=30).theta
    alone = [minimise(rosenbrock, row[None], max_iterations=30).theta[0] for row in starts]
    assert np.array_equal(together, np.array(alone))


def test_where_the_function_is_not_a_number_it_turns_back():
    def log_barrier(theta, rows):
        with np.errstate(invalid="ignore", divide="ignore"):
            x = theta[:, 0]
            return x - np.log(x), (1 - 1 / x)[:, None]

    assert minimise(log_barrier, np.array([[9.0]])).theta[0, 0] == pytest.approx(1.0, abs=1e-6)
