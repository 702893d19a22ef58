"""Log-probability and entropy of chosen tokens, with the unembedding fused in: no (N, V) is kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lmlab.batch import Head
from lmlab.product import product

CHUNK_ELEMENTS = 2 * 2**20  # logits held at once: 8 MiB in fp32


def token_scores(
    hidden: Tensor, head: Head, targets: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """log softmax(logits / temperature)[target] and the entropy of that softmax, both (N,) in nats.

    hidden (N, D), targets (N,) int64. Differentiable in hidden and in the head; the backward pass
    makes the logits again, a chunk of rows at a time, as the forward pass does.
    Under autocast the matrix products run in its dtype; sums and softmax are fp32.
    """
    if head.readout is not None:
        hidden = head.readout(hidden)
    kind = hidden.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else head.weight.dtype
    weight, bias = _whole(head.weight), _whole(head.bias)
    with torch.autocast(kind, enabled=False):
        return _TokenScores.apply(hidden, weight, bias, targets, 1.0 / temperature, dtype)


def _whole(part: Any) -> Any:
    """A tensor whose rows several devices hold, put together; any other as it is."""
    return part.full_tensor() if hasattr(part, "full_tensor") else part


class _TokenScores(torch.autograd.Function):
    """Rows are independent, so chunks of rows are."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        scale: float,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        low_hidden, low_weight = hidden.to(dtype), weight.to(dtype)
        picked = hidden.new_empty(len(hidden), dtype=torch.float32)
        entropy = torch.empty_like(picked)
        for rows in _chunks(len(hidden), len(weight)):
            log_probs = _log_probs(low_hidden[rows], low_weight, bias, scale)
            picked[rows] = log_probs.gather(1, targets[rows, None]).squeeze(1)
            entropy[rows] = -(log_probs.exp() * log_probs).sum(dim=1)
        ctx.save_for_backward(hidden, weight, bias, targets, entropy)
        ctx.scale, ctx.dtype = scale, dtype
        return picked, entropy

    @staticmethod
    def backward(ctx: Any, grad: Tensor, entropy_grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        hidden, weight, bias, targets, entropy = ctx.saved_tensors
        low_hidden, low_weight = hidden.to(ctx.dtype), weight.to(ctx.dtype)
        hidden_grad = torch.empty_like(low_hidden)
        trains = ctx.needs_input_grad[1]  # not where adapters train beside a frozen unembedding
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if trains else None
        bias_grad = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
        with_entropy = bool(entropy_grad.any())
        for rows in _chunks(len(hidden), len(weight)):
            log_probs = _log_probs(low_hidden[rows], low_weight, bias, ctx.scale)
            share = log_probs.exp()
            logit_grad = share * -grad[rows, None]
            if with_entropy:
                share *= log_probs.add_(entropy[rows, None])
                logit_grad -= share * entropy_grad[rows, None]
            logit_grad.scatter_add_(1, targets[rows, None], grad[rows, None])
            logit_grad *= ctx.scale
            if bias_grad is not None:
                bias_grad += logit_grad.sum(dim=0)
            low = logit_grad.to(ctx.dtype)
            hidden_grad[rows] = product(low, low_weight)
            if weight_grad is not None:
                weight_grad += product(low.T, low_hidden[rows])
        return (
            hidden_grad.to(hidden.dtype),
            None if weight_grad is None else weight_grad.to(weight.dtype),
            None if bias_grad is None else bias_grad.to(bias.dtype),
            None,
            None,
            None,
        )


def _chunks(num_rows: int, vocab_size: int) -> list[slice]:
    size = max(1, CHUNK_ELEMENTS // vocab_size)
    return [slice(start, min(start + size, num_rows)) for start in range(0, num_rows, size)]


def _log_probs(hidden: Tensor, weight: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    logits = product(hidden, weight.T).float()
    if bias is not None:
        logits += bias
    return (logits * scale if scale != 1 else logits).log_softmax(dim=1)
