"""Attention as named-axis einsums, as the lectures write it, against the fast attention.

Rows S1-13 to S1-18. Axes: b batch, n queries, m keys, d width, h heads, k channels of a head.
Differs: the row's three printed forms of the value step fail in numpy; "bhnm,bhmk->bhnk" is right.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmlab.arch.layer.attention import SelfAttention
from lmlab.arch.layer.mask import AttentionMask, causal_mask, full_mask

B, T, D, H, K = 3, 10, 24, 4, 6


def test_the_two_rules_of_reading_einsum():
    """An axis that is not named on the right is summed; equal names run together."""
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=4), rng.normal(size=4), rng.normal(size=(3, 4))
    assert np.allclose(np.einsum("i,i->i", a, b), a * b)
    assert np.allclose(np.einsum("i,i->", a, b), (a * b).sum())
    assert np.allclose(np.einsum("ij,j->i", c, b), c.dot(b))
    assert np.allclose(np.einsum("mn,np->mp", c, c.T), c @ c.T)


def attention_by_einsum(x, query, key, value, output, seen):
    """x (b, n, d); weights (h, d, k); seen (b or 1, n, m) bool. Row S1-16, arXiv 1911.02150."""
    q = np.einsum("bnd,hdk->bhnk", x, query)
    k = np.einsum("bmd,hdk->bhmk", x, key)
    v = np.einsum("bmd,hdk->bhmk", x, value)
    scores = np.einsum("bhnk,bhmk->bhnm", q, k) / np.sqrt(q.shape[-1])
    scores = np.where(seen[:, None], scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    mixed = np.einsum("bhnm,bhmk->bhnk", weights, v)
    return np.einsum("bhnk,hdk->bnd", mixed, output)


def layer_and_weights(num_kv_heads: int):
    """A layer in float64, and its matrices as (h, d, k); shared keys and values repeated."""
    torch.manual_seed(0)
    layer = SelfAttention(D, H, num_kv_heads, K, bias=False, dropout=0.0).double()
    matrices = []
    for part in (layer.query, layer.key, layer.value):
        heads = part.weight.detach().numpy().reshape(-1, K, D).transpose(0, 2, 1)
        matrices.append(heads.repeat(H // len(heads), axis=0))
    out = layer.output.weight.detach().numpy().reshape(D, H, K).transpose(1, 0, 2)
    return layer, (*matrices, out)


DOCUMENTS = torch.tensor([[0] * 4 + [1] * 6, [0] * 10, [0] * 3 + [1] * 3 + [-1] * 4])
PREFIX = torch.arange(T)[None] < torch.tensor([[5], [0], [2]])


def masks() -> dict[str, tuple[AttentionMask, np.ndarray]]:
    """The masks as the architectures make them, and written out: who (n) sees whom (m)."""
    place = np.arange(T)
    causal = (place[:, None] >= place[None, :])[None]
    same = (DOCUMENTS[:, :, None] == DOCUMENTS[:, None, :]).numpy()
    device = torch.device("cpu")
    return {
        "causal": (causal_mask(T, T, None, device), causal),
        "full": (full_mask(None), np.ones((1, T, T), bool)),
        "prefix": (
            causal_mask(T, T, None, device, PREFIX),
            causal | PREFIX.numpy()[:, None, :],
        ),
        "documents": (full_mask(DOCUMENTS), same),
        "causal documents": (causal_mask(T, T, DOCUMENTS, device), causal & same),
        "prefix documents": (
            causal_mask(T, T, DOCUMENTS, device, PREFIX),
            (causal | PREFIX.numpy()[:, None, :]) & same,
        ),
    }


@pytest.mark.parametrize("num_kv_heads", [H, 2, 1])
@pytest.mark.parametrize("kind", list(masks()))
def test_the_fast_attention_equals_the_einsums(kind, num_kv_heads):
    mask, seen = masks()[kind]
    layer, weights = layer_and_weights(num_kv_heads)
    x = torch.randn(B, T, D, dtype=torch.float64)
    fast = layer(x, mask).detach().numpy()
    assert np.abs(fast - attention_by_einsum(x.numpy(), *weights, seen)).max() < 1e-6


@pytest.mark.parametrize("printed", ["bhnk,bhmk->bhnk", "bhn,bhmk->bhnk", "bhnmbhmk->bhnk"])
def test_the_printed_forms_of_the_value_step_fail(printed):
    weights, values = np.ones((2, 3, 5, 4)), np.ones((2, 3, 4, 6))  # b h n m, b h m k
    with pytest.raises(ValueError):
        np.einsum(printed, weights, values)
    assert np.einsum("bhnm,bhmk->bhnk", weights, values).shape == (2, 3, 5, 6)
