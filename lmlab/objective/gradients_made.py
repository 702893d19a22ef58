"""Functions whose gradients are made in their forward pass, and only scaled in their backward one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class GradientsMade(torch.autograd.Function):
    """Takes hidden states, a weight, a bias or None, and what has no gradient; returns two sums.

    A subclass writes `forward`, which calls `keep_gradients`; the second sum passes none on.
    """

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        hidden_grad, weight_grad, bias_grad = ctx.saved_tensors
        return (
            (hidden_grad * grad).to(ctx.hidden_dtype),
            weight_grad.mul_(grad).to(ctx.weight_dtype),
            None if bias_grad is None else bias_grad.mul_(grad).to(ctx.weight_dtype),
            *(None for _ in ctx.needs_input_grad[3:]),
        )


def keep_gradients(
    ctx: Any, hidden: Tensor, weight: Tensor, made: tuple[Tensor | None, ...]
) -> None:
    """Keeps the gradients of hidden states, weight and bias for the backward pass."""
    ctx.save_for_backward(*made)
    ctx.hidden_dtype, ctx.weight_dtype = hidden.dtype, weight.dtype
