from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from lmlab.arch.layer.feed_forward import FEED_FORWARD, GeluFeedForward, SwigluFeedForward, drop


def test_gelu_layer_is_down_of_gelu_of_up():
    layer, x = GeluFeedForward(4, 8, bias=True), torch.randn(2, 3, 4)
    want = F.linear(
        F.gelu(F.linear(x, layer.up.weight, layer.up.bias), approximate="tanh"),
        layer.down.weight,
        layer.down.bias,
    )
    torch.testing.assert_close(layer(x), want)


def test_swiglu_layer_gates():
    layer, x = SwigluFeedForward(4, 8, bias=False), torch.randn(2, 3, 4)
    want = layer.down(F.silu(x @ layer.gate.weight.T) * (x @ layer.up.weight.T))
    torch.testing.assert_close(layer(x), want)
    with torch.no_grad():
        layer.gate.weight.zero_()
    assert torch.equal(layer(x), torch.zeros(2, 3, 4))


@pytest.mark.parametrize(
    ("name", "at_two"),
    [
        ("relu", 2.0),
        ("gelu_exact", 1 + math.erf(2**0.5)),
        ("gelu", 1 + math.tanh((2 / math.pi) ** 0.5 * (2 + 0.044715 * 8))),
        ("geglu", 2 * (1 + math.tanh((2 / math.pi) ** 0.5 * (2 + 0.044715 * 8)))),
        ("swiglu", 4 / (1 + math.exp(-2))),
    ],
)
def test_each_at_two_by_hand(name, at_two):
    """One channel with weights of 1: f(2), and f(2) x 2 for the gated ones."""
    layer = FEED_FORWARD[name](1, 1, bias=False)
    for parameter in layer.parameters():
        torch.nn.init.ones_(parameter)
    assert layer(torch.tensor([2.0])).item() == pytest.approx(at_two, rel=1e-6)


@pytest.mark.parametrize("name", FEED_FORWARD)
def test_parameters_have_the_same_names_with_and_without_dropout(name):
    plain, dropped = (FEED_FORWARD[name](4, 8, bias=True, dropout=rate) for rate in (0.0, 0.5))
    assert plain.state_dict().keys() == dropped.state_dict().keys()
    x = torch.ones(1, 4)
    assert torch.equal(dropped.eval()(x), dropped(x))
    assert not torch.equal(dropped.train()(x), dropped(x))


def test_no_dropout_is_the_same_tensor():
    x = torch.ones(2)
    assert drop(x, 0.0, True) is x and drop(x, 0.5, False) is x
