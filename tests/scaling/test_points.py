from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.points import Curve, budget_of, make_points


def test_flops_default_to_six_n_d():
    points = make_points(np.array([10.0, 20.0]), np.array([100.0, 50.0]), np.array([3.0, 2.0]))
    assert points.flops.tolist() == [6000.0, 6000.0] and len(points) == 2
    assert points.flops_per_param_token == 6.0
    assert points.take(points.params > 10).loss.tolist() == [2.0]


def test_budgets_are_numbered_from_the_smallest_and_forgive_a_few_percent():
    assert budget_of(np.array([1e18, 3e18, 1.04e18, 9e18])).tolist() == [0, 1, 0, 2]


def test_a_budget_spans_at_most_the_tolerance_however_small_its_steps():
    assert budget_of(np.array([5e11, 5.4e11, 5.8e11, 6.3e11])).tolist() == [0, 1, 1, 2]
    flops = np.geomspace(1e18, 1e19, 60)
    numbers = budget_of(flops)
    for number in range(numbers.max() + 1):
        group = flops[numbers == number]
        assert 1 <= group.max() / group.min() <= 1.1
    assert (np.diff(numbers) >= 0).all()


def test_a_wide_budget_is_divided_at_its_widest_gap():
    assert budget_of(np.array([1.0, 1.02, 1.08, 1.1, 1.12])).tolist() == [0, 0, 1, 1, 1]
    assert budget_of(np.array([])).tolist() == []


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_value_is_named(wrong):
    with pytest.raises(ValueError, match=r"loss\[1\]"):
        make_points(np.ones(2), np.ones(2), np.array([1.0, wrong]))


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="length"):
        make_points(np.ones(2), np.ones(3), np.ones(2))


def test_a_curve_counts_its_compute():
    assert Curve(2.0, np.array([1.0, 3.0]), np.ones(2)).flops.tolist() == [12.0, 36.0]
