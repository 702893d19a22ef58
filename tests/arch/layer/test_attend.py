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
