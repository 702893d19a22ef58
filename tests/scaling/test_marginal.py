from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.law import CHINCHILLA
from lmlab.scaling.marginal import marginal_return, marginal_table


def test_a_doubling_takes_off_what_it_says():
    found = marginal_return(CHINCHILLA, 1e22)
    loss = float(CHINCHILLA.optimum(2e22)[2])
    assert found.loss - found.per_doubling == pytest.approx(loss)
    assert found.left == pytest.approx(found.loss - 1.69)


def test_halving_what_is_left_takes_the_factor_it_says():
    found = marginal_return(CHINCHILLA, 1e22)
    loss = float(CHINCHILLA.optimum(1e22 * found.next_factor)[2])
    assert loss - 1.69 == pytest.approx(found.left / 2)


def test_returns_diminish_and_cost_grows():
    rows = marginal_table(CHINCHILLA, np.array([1e20, 1e22, 1e24]), price_per_flop=1e-18)
    gains = [row["per_doubling_nats"] for row in rows]
    prices = [row["next_centinat_usd"] for row in rows]
    assert gains == sorted(gains, reverse=True) and prices == sorted(prices)
    assert prices[0] == pytest.approx(rows[0]["next_centinat_flops"] * 1e-18)
