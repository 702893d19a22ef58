from __future__ import annotations

import pytest
import torch

from lmlab.arch.layer.cross_attention import (
    CrossAttention,
    DecoderLayerCache,
    new_decoder_cache,
)
from lmlab.arch.layer.mask import key_mask


@pytest.mark.parametrize("scale", [None, 1.0])
def test_cross_attention_equals_the_einsum_form(scale):
    torch.manual_seed(0)
    layer = CrossAttention(12, 3, 4, bias=False, dropout=0.0, scale=scale).double()
    x, memory = torch.randn(2, 5, 12).double(), torch.randn(2, 7, 12).double()
    real = torch.ones(2, 7, dtype=torch.bool)
    real[1, 4:] = False
    weights = [part.weight.view(3, 4, 12) for part in (layer.query, layer.key, layer.value)]
    q = torch.einsum("btd,hkd->bhtk", x, weights[0])
    k, v = (torch.einsum("bsd,hkd->bhsk", memory, weight) for weight in weights[1:])
    scores = torch.einsum("bhtk,bhsk->bhts", q, k) * (scale or 0.5)
    mixed = scores.masked_fill(~real[:, None, None], -torch.inf).softmax(-1)
    want = torch.einsum("bhts,bhsk,dhk->btd", mixed, v, layer.output.weight.view(12, 3, 4))
    torch.testing.assert_close(layer(x, memory, key_mask(real)), want, atol=1e-6, rtol=0)


def test_keys_and_values_are_made_once():
    torch.manual_seed(0)
    layer = CrossAttention(8, 2, 4, bias=True, dropout=0.0)
    memory = torch.randn(1, 3, 8)
    cache = new_decoder_cache(memory, None, 1, (2, 4, 4)).layers[0]
    assert isinstance(cache, DecoderLayerCache) and cache.cross is None
    first = layer(torch.ones(1, 1, 8), memory, key_mask(None), cache)
    again = layer(torch.ones(1, 1, 8), torch.zeros_like(memory), key_mask(None), cache)
    assert torch.equal(first, again)


def test_select_takes_rows_of_everything():
    memory = torch.arange(3.0)[:, None, None].expand(3, 2, 4)
    cache = new_decoder_cache(memory, torch.tensor([[True, False]] * 3), 2, (1, 5, 4))
    cache.layers[0].cross = (torch.arange(3.0), torch.arange(3.0))
    cache.select(torch.tensor([2, 2, 0, 1]))
    assert cache.memory[:, 0, 0].tolist() == [2, 2, 0, 1]
    assert cache.memory_mask.shape == (4, 2)
    assert cache.layers[0].cross[1].tolist() == [2, 2, 0, 1]
    assert cache.layers[1].cross is None and len(cache.layers[1].own.keys) == 4
    assert cache.length == 0
