from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.analysis import analyse
from lmlab.scaling.points import make_points
from tests.scaling.synthetic import grid, training_curves


def test_all_three_approaches_agree_on_a_good_grid():
    found = analyse(grid(noise=0.002), curves=training_curves(), entropy=1.69, num_draws=100)
    exponents = found.exponents()
    assert sorted(exponents) == [1, 2, 3] and found.chosen == 3 and found.warnings == []
    assert (
        max(a.value for a in exponents.values()) - min(a.value for a in exponents.values()) < 0.05
    )
    assert found.verdict.rule == "Chinchilla" and found.entropy.agrees
    assert set(found.kaplan) == {"params", "tokens", "flops"} and found.forecast is not None


def test_an_approach_that_the_grid_does_not_allow_is_left_out_with_the_reason():
    found = analyse(grid(5, 2), num_draws=50)
    assert found.isoflop is None and found.parametric is not None
    assert any(text.startswith("approach 2 is left out") for text in found.warnings)


def test_a_grid_that_is_not_identified_does_not_rest_on_approach_3():
    points = grid(3, 5)
    rng = np.random.default_rng(0)
    noisy = make_points(
        points.params, points.tokens, points.loss * np.exp(0.05 * rng.standard_normal(15))
    )
    found = analyse(noisy, num_draws=50)
    assert found.chosen == 2 and any("not identified" in text for text in found.warnings)


def test_nothing_can_be_fitted():
    points = grid(2, 2)
    with pytest.raises(ValueError, match="no approach fits this grid of 4 runs"):
        analyse(points)


def test_sentences_say_what_was_asked():
    text = " ".join(analyse(grid(), num_draws=50).sentences([1e23], 1e13))
    assert "then serve 1e+13 tokens" in text and "twice the compute" in text
