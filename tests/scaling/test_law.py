from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.law import CHINCHILLA, Law


def test_by_hand():
    law = Law(E=1.0, A=8.0, B=2.0, alpha=0.5, beta=0.5)
    assert law.loss(16.0, 4.0) == pytest.approx(1 + 2 + 1)
    assert law.a == law.b == 0.5
    size, tokens, _ = law.optimum(6 * 64.0)  # N / D = A / B = 4 at the optimum, N D = 64
    assert size == pytest.approx(32.0) and tokens == pytest.approx(2.0)


def test_the_optimum_is_the_lowest_of_its_budget():
    size, _, loss = CHINCHILLA.optimum(1e21)
    others = size * np.geomspace(0.1, 10, 201)
    assert CHINCHILLA.loss(others, 1e21 / 6 / others).min() == pytest.approx(float(loss), rel=1e-9)


def test_compute_for_a_loss_is_the_inverse_of_the_optimum():
    assert CHINCHILLA.flops_for(float(CHINCHILLA.optimum(3e20)[2])) == pytest.approx(3e20)
    with pytest.raises(ValueError, match="irreducible"):
        CHINCHILLA.flops_for(1.6)


def test_published_exponents():
    assert CHINCHILLA.a == pytest.approx(0.4516, abs=1e-4)
    assert CHINCHILLA.a + CHINCHILLA.b == 1.0


def test_a_law_that_rises_has_no_best_size():
    rising = Law(E=1.0, A=1.0, B=1.0, alpha=-1.4, beta=0.1)
    assert not rising.falls and CHINCHILLA.falls
    assert np.isnan(rising.optimum(1e20)).all()
