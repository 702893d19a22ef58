from __future__ import annotations

import torch

from lmlab.arch.layer.attention import LayerCache, SelfAttention, new_cache
from lmlab.arch.layer.mask import AttentionMask, causal_mask

CPU = torch.device("cpu")


def by_hand(layer: SelfAttention, x: torch.Tensor) -> torch.Tensor:
    """The named-axis form of row S1-16, corrected: scores bhnm times values bhmk give bhnk."""
    heads, width = layer.num_heads, layer.head_width
    weights = [
        part.weight.view(-1, width, x.shape[-1]).repeat_interleave(
            heads // (len(part.weight) // width), 0
        )
        for part in (layer.query, layer.key, layer.value)
    ]
    q, k, v = (torch.einsum("bnd,hkd->bhnk", x, weight) for weight in weights)
    scores = torch.einsum("bhnk,bhmk->bhnm", q, k) / width**0.5
    allowed = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    mixed = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
    out = torch.einsum("bhnm,bhmk->bhnk", mixed, v)
    return torch.einsum("bhnk,dhk->bnd", out, layer.output.weight.view(-1, heads, width))


def test_fast_attention_equals_the_einsum_form():
    torch.manual_seed(0)
    for kv_heads in (4, 2, 1):
        layer = SelfAttention(16, 4, kv_heads, 4, bias=False, dropout=0.0).double()
        x = torch.randn(2, 5, 16, dtype=torch.float64)
        out = layer(x, AttentionMask(is_causal=True))
        torch.testing.assert_close(out, by_hand(layer, x), atol=1e-6, rtol=0)


def test_cache_appends_in_place():
    cache = LayerCache(torch.zeros(1, 1, 3, 2), torch.zeros(1, 1, 3, 2))
    cache.extend(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    keys, values = cache.extend(2 * torch.ones(1, 1, 1, 2), 2 * torch.ones(1, 1, 1, 2))
    assert keys[0, 0, :, 0].tolist() == [1, 1, 2] and values.shape == (1, 1, 3, 2)


def test_one_token_at_a_time_equals_the_whole_sequence():
    torch.manual_seed(0)
    layer = SelfAttention(16, 4, 2, 4, bias=True, dropout=0.0)
    x = torch.randn(1, 6, 16)
    whole = layer(x, causal_mask(6, 6, None, CPU))
    (cache,) = new_cache(1, (1, 2, 6, 4), CPU, torch.float32)
    steps = [
        layer(x[:, t : t + 1], causal_mask(1, t + 1, None, CPU), None, cache) for t in range(6)
    ]
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, atol=1e-6, rtol=0)


def test_a_cache_grows_and_comes_back_whole_for_one_token():
    (cache,) = new_cache(1, (1, 1, 200, 2), CPU, torch.float32)
    cache.extend(torch.ones(1, 1, 70, 2), torch.ones(1, 1, 70, 2))
    assert cache.keys.shape[2] == 128 and cache.keys[0, 0, 70:].abs().max() == 0
    keys, _ = cache.extend(2 * torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 2))
    assert keys.is_contiguous() and keys.shape[2] == 128 and keys[0, 0, 70, 0] == 2
    cache.extend(torch.ones(1, 1, 129, 2), torch.ones(1, 1, 129, 2))
    assert cache.keys.shape[2] == cache.length == 200


def test_under_autocast_a_cache_is_of_its_dtype():
    with torch.autocast("cpu", torch.bfloat16):
        (cache,) = new_cache(1, (1, 1, 6, 4), CPU, torch.float32)
    assert cache.keys.dtype == torch.bfloat16
