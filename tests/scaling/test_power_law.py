from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.points import make_points
from lmlab.scaling.power_law import fit_kaplan, fit_power_law
from tests.scaling.synthetic import grid


def test_two_points_by_hand():
    law = fit_power_law(np.array([1.0, 100.0]), np.array([8.0, 0.8]))
    assert law.exponent.value == pytest.approx(-0.5) and law.factor == pytest.approx(8.0)
    assert law.exponent.width == float("inf") and law(10000.0) == pytest.approx(0.08)


@pytest.mark.parametrize(("variable", "exponent"), [("params", 0.076), ("tokens", 0.095)])
def test_kaplan_comes_back_where_the_other_variable_does_not_bind(variable, exponent):
    x = np.geomspace(1e6, 1e9, 8)
    other = np.full(8, 1e15)
    params, tokens = (x, other) if variable == "params" else (other, x)
    law = fit_kaplan(make_points(params, tokens, (1e13 / x) ** exponent), variable)
    assert law.exponent.value == pytest.approx(-exponent, abs=1e-6)


def test_only_the_frontier_counts():
    x = np.array([1.0, 1.0, 10.0, 10.0, 100.0])
    loss = np.array([5.0, 4.0, 4.5, 2.0, 1.0])  # 4.5 at 10 and 5.0 at 1 are bottlenecked
    law = fit_kaplan(make_points(x, np.ones(5), loss), "params")
    assert law.y.tolist() == [4.0, 2.0, 1.0]


def test_the_frontier_of_compute_has_one_run_a_budget():
    law = fit_kaplan(grid(noise=0.002), "flops")
    assert len(law.x) == 6 and -0.06 < law.exponent.value < -0.05


def test_one_value_is_no_law():
    with pytest.raises(ValueError, match="two different"):
        fit_power_law(np.ones(3), np.ones(3))
