from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lmlab.objective.gradients_made import GradientsMade, keep_gradients


class Product(GradientsMade):
    """The sum of (hidden @ weight.T + bias) times a constant, and the constant."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, factor: float, _: str
    ) -> tuple[Tensor, Tensor]:
        rows, columns = hidden.shape[0], weight.shape[0]
        bias_grad = None if bias is None else torch.full((columns,), rows * factor)
        made = (
            factor * weight.float().sum(dim=0).expand(rows, -1),
            factor * hidden.float().sum(dim=0).repeat(columns, 1),
            bias_grad,
        )
        keep_gradients(ctx, hidden, weight, made)
        found = hidden.float() @ weight.float().T + (0 if bias is None else bias.float())
        return factor * found.sum(), torch.tensor(factor)


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_forward_made_is_scaled_and_given_in_the_types_of_the_inputs(with_bias, dtype):
    hidden = torch.arange(6, dtype=dtype).reshape(2, 3).requires_grad_()
    weight = torch.ones(4, 3, dtype=dtype).requires_grad_()
    bias = torch.zeros(4, dtype=dtype).requires_grad_() if with_bias else None
    total, _ = Product.apply(hidden, weight, bias, 0.5, "has no gradient")
    (total * 2).backward()
    assert hidden.grad.dtype == weight.grad.dtype == dtype
    assert torch.equal(hidden.grad, torch.full((2, 3), 4.0, dtype=dtype))
    assert torch.equal(weight.grad, torch.tensor([[3.0, 5, 7]] * 4, dtype=dtype))
    assert bias is None or torch.equal(bias.grad, torch.full((4,), 2.0, dtype=dtype))
