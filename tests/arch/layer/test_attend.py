from __future__ import annotations

import pytest
import torch

from lmlab.arch.layer.attend import attend
from lmlab.arch.layer.mask import AttentionMask, causal_mask

CPU = torch.device("cpu")
DOCUMENTS = causal_mask(6, 6, torch.tensor([[0, 0, 1, 1, 1, 2], [0, 0, 0, 0, 0, 0]]), CPU)


@pytest.mark.parametrize(
    "mask", [AttentionMask(is_causal=True), AttentionMask(is_causal=False), DOCUMENTS]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_path_equals_the_formula(mask, dtype):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 6, 8, dtype=dtype, requires_grad=True) for _ in range(3))
    out = attend(q, k, v, mask)
    seen = torch.ones(6, 6, dtype=torch.bool).tril() if mask.is_causal else mask.dense
    scores = q.double() @ k.double().transpose(-1, -2) / 8**0.5
    if seen is not None:
        scores = scores.masked_fill(~seen, -torch.inf)
    want = scores.softmax(-1) @ v.double()
    tolerance = 1e-6 if dtype == torch.float32 else 3e-2
    torch.testing.assert_close(out.double(), want, atol=tolerance, rtol=0)
    grads = torch.autograd.grad(out.float().sum(), (q, k, v), retain_graph=True)
    for grad, exact in zip(grads, torch.autograd.grad(want.sum(), (q, k, v)), strict=True):
        torch.testing.assert_close(grad, exact, atol=10 * tolerance, rtol=0)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_query_equals_the_formula_also_where_heads_share_keys(kv_heads, dtype):
    torch.manual_seed(0)
    query = torch.randn(2, 4, 1, 8, dtype=dtype)
    key, value = torch.randn(2, 2, kv_heads, 7, 8, dtype=dtype).unbind(0)
    dense = torch.rand(2, 1, 1, 7) < 0.7
    out = attend(query, key, value, AttentionMask(is_causal=False, dense=dense))
    many = [part.repeat_interleave(4 // kv_heads, dim=1).double() for part in (key, value)]
    scores = (query.double() @ many[0].transpose(-1, -2)) / 8**0.5
    want = scores.masked_fill(~dense, -torch.inf).softmax(-1) @ many[1]
    tolerance = 1e-6 if dtype == torch.float32 else 3e-2
    torch.testing.assert_close(out.double(), want, atol=tolerance, rtol=0)


@pytest.mark.parametrize("num_queries", [1, 6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_bias_is_added_to_scores_of_any_scale_and_gets_its_gradient(dtype, num_queries):
    torch.manual_seed(0)
    q = torch.randn(2, 3, num_queries, 8, dtype=dtype)
    k, v = (torch.randn(2, 3, 6, 8, dtype=dtype) for _ in range(2))
    bias = torch.randn(1, 3, num_queries, 6, requires_grad=True)
    real = torch.tensor([True] * 5 + [False])
    out = attend(q, k, v, AttentionMask(False, real, bias), scale=1.0)
    scores = q.double() @ k.double().mT + bias.double()
    want = scores.masked_fill(~real, -torch.inf).softmax(-1) @ v.double()
    tolerance = 1e-5 if dtype == torch.float32 else 5e-2
    torch.testing.assert_close(out.double(), want, atol=tolerance, rtol=0)
    (got,) = torch.autograd.grad(out.float().sum(), bias, retain_graph=True)
    (exact,) = torch.autograd.grad(want.sum(), bias)
    torch.testing.assert_close(got, exact, atol=10 * tolerance, rtol=0)


def test_a_mask_that_is_causal_and_biased_is_refused():
    x = torch.ones(1, 1, 2, 4)
    with pytest.raises(ValueError, match="must be dense"):
        attend(x, x, x, AttentionMask(True, None, torch.zeros(1, 1, 2, 2)))
