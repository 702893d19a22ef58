from __future__ import annotations

import math

import pytest
import torch

from lmlab.batch import Head
from lmlab.rollout import token_scores as module
from lmlab.rollout.token_scores import token_scores


def test_a_case_by_hand():
    head = Head(torch.tensor([[0.0], [math.log(3.0)]]))
    log_probs, entropy = token_scores(torch.ones(1, 1), head, torch.tensor([1]))
    assert float(log_probs) == pytest.approx(math.log(0.75))
    assert float(entropy) == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("rows_at_once", [1, 3, 100])
def test_values_and_gradients_equal_torch(monkeypatch, temperature, rows_at_once):
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", 11 * rows_at_once)
    torch.manual_seed(0)
    targets = torch.randint(11, (7,))
    tensors = [torch.randn(7, 5), torch.randn(11, 5), torch.randn(11)]
    results = []
    for fused in (True, False):
        hidden, weight, bias = (t.clone().requires_grad_() for t in tensors)
        if fused:
            log_probs, entropy = token_scores(hidden, Head(weight, bias), targets, temperature)
        else:
            scores = ((hidden @ weight.T + bias) / temperature).log_softmax(-1)
            log_probs, entropy = scores[torch.arange(7), targets], -(scores.exp() * scores).sum(-1)
        (log_probs * torch.arange(7.0) + 0.3 * entropy).sum().backward()
        results.append((log_probs, entropy, hidden.grad, weight.grad, bias.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_readout_comes_first():
    head = Head(torch.eye(3), readout=lambda hidden: 2 * hidden)
    hidden = torch.tensor([[0.1, 0.2, 0.3]])
    log_probs, _ = token_scores(hidden, head, torch.tensor([0]))
    assert float(log_probs) == pytest.approx(float((2 * hidden).log_softmax(-1)[0, 0]), abs=1e-6)


def test_under_autocast_the_results_are_fp32():
    with torch.autocast("cpu", torch.bfloat16):
        log_probs, entropy = token_scores(
            torch.randn(4, 8), Head(torch.randn(6, 8)), torch.zeros(4, dtype=torch.long)
        )
    assert log_probs.dtype == entropy.dtype == torch.float32


def test_a_frozen_head_gets_no_gradient():
    hidden, weight = torch.randn(3, 4, requires_grad=True), torch.randn(6, 4)
    token_scores(hidden, Head(weight), torch.zeros(3, dtype=torch.long))[0].sum().backward()
    assert weight.grad is None and hidden.grad is not None
