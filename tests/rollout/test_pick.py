from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lmlab.rollout.pick import draw, keep_top_k, keep_top_p, penalised, pick, uniforms, warp
from tests.rollout.law import sampling


def test_the_cumulative_probability_decides():
    shares = torch.tensor([[0.5, 0.0, 0.25, 0.25]])
    for uniform, token in ((0.0, 0), (0.49, 0), (0.5, 2), (0.74, 2), (0.75, 3), (1 - 2**-53, 3)):
        assert draw(shares, torch.tensor([uniform], dtype=torch.float64)).tolist() == [token]


def test_the_likeliest_at_temperature_zero():
    picked = pick(torch.tensor([[0.0, 5.0, 1.0]]), torch.zeros(1), sampling(temperature=0.0), None)
    assert picked.tokens.tolist() == [1] and picked.sampling_log_probs.tolist() == [0.0]
    expected = 5 - math.log(1 + math.exp(5) + math.exp(1))
    assert float(picked.log_probs) == pytest.approx(expected, abs=1e-6)


def test_top_k_and_top_p_by_hand():
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()
    assert keep_top_k(logits, 2).isfinite().tolist() == [[False, True, False, True]]
    assert keep_top_k(logits, 9).isfinite().all()
    assert keep_top_p(logits, 0.3).isfinite().tolist() == [[False, True, False, False]]
    assert keep_top_p(logits, 0.65).isfinite().tolist() == [[False, True, False, True]]
    assert keep_top_p(logits, 0.75).isfinite().tolist() == [[False, True, True, True]]


def test_the_penalty_divides_what_is_positive_and_multiplies_what_is_negative():
    logits, seen = torch.tensor([[2.0, -2.0, 1.0]]), torch.tensor([[True, True, False]])
    assert penalised(logits, 2.0, seen).tolist() == [[1.0, -4.0, 1.0]]


@pytest.mark.parametrize("changes", [{"top_k": 5}, {"top_p": 0.7}, {"top_k": 9, "top_p": 0.5}])
def test_hugging_faces_processors_agree(changes):
    process = pytest.importorskip("transformers.generation.logits_process")
    torch.manual_seed(0)
    logits, ids = 3 * torch.randn(8, 40), torch.randint(40, (8, 6))
    changes |= {"temperature": 0.7, "repetition_penalty": 1.3}
    seen = torch.zeros(8, 40, dtype=torch.bool).scatter_(1, ids, True)
    expected = process.RepetitionPenaltyLogitsProcessor(1.3)(ids, logits.clone())
    expected = process.TemperatureLogitsWarper(0.7)(ids, expected)
    if "top_k" in changes:
        expected = process.TopKLogitsWarper(changes["top_k"])(ids, expected)
    if "top_p" in changes:
        expected = process.TopPLogitsWarper(changes["top_p"])(ids, expected)
    torch.testing.assert_close(warp(logits, sampling(**changes), seen), expected)


def test_uniforms_are_a_function_of_seed_sample_and_token():
    numbers = uniforms(np.array([5, 9], np.uint64), 3, 1000)
    assert numbers.shape == (6, 1000) and float(numbers.min()) >= 0 and float(numbers.max()) < 1
    assert float(numbers.mean()) == pytest.approx(0.5, abs=0.02)
    assert torch.equal(numbers[3:], uniforms(np.array([9], np.uint64), 3, 1000))
    assert torch.equal(numbers[:, :7][::3], uniforms(np.array([5, 9], np.uint64), 1, 7))
    assert len(numbers.flatten().unique()) == 6000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_new_tokens": 0}, "^stage.sampling.max_new_tokens=0 must be 1 or more"),
        ({"temperature": -1.0}, "^stage.sampling.temperature=-1.0"),
        ({"top_k": 0}, "^stage.sampling.top_k=0 must be 1 or more, or null"),
        ({"top_p": 1.5}, "^stage.sampling.top_p=1.5"),
        ({"repetition_penalty": 0.0}, "^stage.sampling.repetition_penalty=0.0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        sampling(**changes)
