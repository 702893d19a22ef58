from __future__ import annotations

import pytest

from lmlab.scaling.law import CHINCHILLA
from lmlab.scaling.marginal import marginal_return


def test_a_doubling_takes_off_what_it_says():
    found = marginal_return(CHINCHILLA, 1e22)
    loss = float(CHINCHILLA.optimum(2e22)[2])
    assert found.loss - found.per_doubling == pytest.approx(loss)
    assert found.left == pytest.approx(found.loss - 1.69)


def test_halving_what_is_left_takes_the_factor_it_says():
    found = marginal_return(CHINCHILLA, 1e22)
    loss = float(CHINCHILLA.optimum(1e22 * found.next_factor)[2])
    assert loss - 1.69 == pytest.approx(found.left / 2)


def test_returns_diminish():
    gains = [marginal_return(CHINCHILLA, flops).per_doubling for flops in (1e20, 1e22, 1e24)]
    assert gains == sorted(gains, reverse=True)
