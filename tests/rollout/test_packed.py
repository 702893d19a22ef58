from __future__ import annotations

import pytest
import torch

from lmlab.rollout.packed import packed
from tests.conftest import small_gpt


@pytest.mark.parametrize("num_rows", [1, 16, 200])
def test_in_fp32_products_are_the_same(num_rows):
    layer, x = torch.nn.Linear(24, 40), torch.randn(num_rows, 3, 24)
    expected = layer(x)
    with torch.no_grad(), packed(torch.nn.Sequential(layer), 100):
        assert "forward" in layer.__dict__ or not torch.backends.mkldnn.is_available()
        torch.testing.assert_close(layer(x), expected.detach(), atol=1e-5, rtol=1e-5)
    assert "forward" not in layer.__dict__


def test_under_autocast_the_weights_are_cast_once():
    layer, x = torch.nn.Linear(8, 8, bias=False), torch.randn(4, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected = layer(x)
        with packed(torch.nn.Sequential(layer), 100):
            got = layer(x)
    assert got.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(got, expected, atol=2e-2, rtol=2e-2)


def test_layers_are_as_before_when_the_block_raises():
    arch = small_gpt()
    with pytest.raises(KeyError), packed(arch, 100):
        raise KeyError
    assert all("forward" not in module.__dict__ for module in arch.modules())


def test_a_few_steps_are_not_worth_it():
    layer = torch.nn.Linear(8, 8)
    with packed(torch.nn.Sequential(layer), 1):
        assert "forward" not in layer.__dict__
