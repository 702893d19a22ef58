from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

import lmlab.objective.cross_entropy as module
from lmlab.batch import Head
from lmlab.objective.cross_entropy import fused_cross_entropy


def inputs(rows: int = 37, width: int = 8, vocab: int = 11):
    torch.manual_seed(0)
    hidden = torch.randn(rows, width, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(vocab, width, dtype=torch.float64, requires_grad=True)
    return hidden, weight, torch.randint(vocab, (rows,)), torch.rand(rows) < 0.7


def test_uniform_logits_cost_ln_v():
    hidden, weight = torch.zeros(5, 4), torch.randn(7, 4)
    total, nll = fused_cross_entropy(
        hidden, Head(weight), torch.arange(5), torch.ones(5, dtype=torch.bool)
    )
    assert float(total) == pytest.approx(5 * math.log(7), rel=1e-6)
    assert float(nll) == pytest.approx(5 * math.log(7), rel=1e-6)


@pytest.mark.parametrize("chunk", [11, 50, 10_000])
@pytest.mark.parametrize("z_loss", [0.0, 0.1])
def test_value_and_gradients_equal_the_plain_form(chunk, z_loss, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", {"cpu": chunk})
    monkeypatch.setattr(module, "MIN_ROWS", 1)
    monkeypatch.setattr(module, "SLICE_ROWS", 4)
    hidden, weight, targets, mask = inputs()
    total, nll = fused_cross_entropy(hidden, Head(weight), targets, mask, z_loss)
    (total * 0.5).backward()
    grads = hidden.grad, weight.grad
    hidden.grad = weight.grad = None
    logits = (hidden @ weight.T)[mask]
    plain = F.cross_entropy(logits, targets[mask], reduction="sum")
    whole = plain + z_loss * logits.logsumexp(1).square().sum()
    (whole * 0.5).backward()
    assert float(total.detach()) == pytest.approx(float(whole.detach()), rel=1e-6)
    assert float(nll) == pytest.approx(float(plain), rel=1e-6)
    torch.testing.assert_close(grads[0], hidden.grad, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(grads[1], weight.grad, atol=1e-6, rtol=1e-5)


def test_masked_positions_do_not_move_the_loss():
    hidden, weight, targets, mask = inputs()
    before, _ = fused_cross_entropy(hidden, Head(weight), targets, mask)
    changed = targets.masked_fill(~mask, 3)
    after, _ = fused_cross_entropy(hidden, Head(weight), changed, mask)
    assert float(before) == float(after)


def test_nothing_that_counts_costs_nothing():
    hidden, weight, targets, mask = inputs()
    total, _ = fused_cross_entropy(hidden, Head(weight), targets, torch.zeros_like(mask))
    total.backward()
    assert float(total) == 0 and not hidden.grad.any()


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
def test_validation_makes_no_gradient(without, monkeypatch):
    made = []
    keep = lambda ctx, hidden, weight, gradients: made.extend(gradients)  # noqa: E731
    monkeypatch.setattr("lmlab.objective.cross_entropy.keep_gradients", keep)
    hidden, weight, targets, mask = inputs()
    with without():
        total, _ = fused_cross_entropy(hidden, Head(weight), targets, mask)
    assert not total.requires_grad and made == [None, None, None]


def test_bf16_autocast_is_close_to_fp32():
    hidden, weight, targets, mask = (x.float() if x.is_floating_point() else x for x in inputs())
    exact, _ = fused_cross_entropy(hidden, Head(weight), targets, mask)
    with torch.autocast("cpu", torch.bfloat16):
        low, _ = fused_cross_entropy(hidden, Head(weight), targets, mask)
    assert float(low) == pytest.approx(float(exact), rel=1e-2)


def test_bias_and_readout_belong_to_the_head():
    hidden, weight, targets, mask = inputs()
    bias = torch.randn(11, dtype=torch.float64, requires_grad=True)
    head = Head(weight, bias, torch.tanh)
    total, _ = fused_cross_entropy(hidden, head, targets, mask)
    found = torch.autograd.grad(total, (hidden, weight, bias))
    logits = hidden.tanh() @ weight.T + bias
    whole = F.cross_entropy(logits[mask], targets[mask], reduction="sum")
    assert float(total.detach()) == pytest.approx(float(whole.detach()), rel=1e-6)
    for ours, theirs in zip(found, torch.autograd.grad(whole, (hidden, weight, bias)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
