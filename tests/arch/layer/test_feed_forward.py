from __future__ import annotations

import torch
import torch.nn.functional as F

from lmlab.arch.layer.feed_forward import GeluFeedForward, SwigluFeedForward


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
