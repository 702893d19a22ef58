from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.inference import inference_optimum
from lmlab.scaling.law import CHINCHILLA


def test_without_inference_it_is_chinchillas_optimum():
    found = inference_optimum(CHINCHILLA, 2.0, 0.0)
    size, tokens, _ = CHINCHILLA.optimum(CHINCHILLA.flops_for(2.0))
    assert found.params == pytest.approx(float(size), rel=1e-5)
    assert found.tokens == pytest.approx(float(tokens), rel=1e-5) and found.saved < 1e-9


def test_with_inference_a_smaller_model_reaches_the_same_loss_for_less():
    few, many = (inference_optimum(CHINCHILLA, 2.0, number) for number in (1e12, 1e13))
    plain = float(CHINCHILLA.optimum(CHINCHILLA.flops_for(2.0))[0])
    assert many.params < few.params < plain and many.ratio > few.ratio
    assert CHINCHILLA.loss(many.params, many.tokens) == pytest.approx(2.0)
    assert many.flops == pytest.approx(many.params * (6 * many.tokens + 2e13))


def test_no_size_is_better():
    best = inference_optimum(CHINCHILLA, 2.1, 1e13)
    sizes = best.params * np.geomspace(0.7, 2, 400)
    tokens = (410.7 / (2.1 - 1.69 - 406.4 * sizes**-0.34)) ** (1 / 0.28)
    assert (sizes * (6 * tokens + 2e13)).min() >= best.flops * (1 - 1e-9)


def test_impossible_wishes():
    with pytest.raises(ValueError, match="irreducible"):
        inference_optimum(CHINCHILLA, 1.5, 1e12)
    with pytest.raises(ValueError, match="negative"):
        inference_optimum(CHINCHILLA, 2.0, -1.0)
