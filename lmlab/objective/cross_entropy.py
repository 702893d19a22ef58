"""Cross entropy fused with the unembedding: the logits of a long batch never exist at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lmlab.batch import Head
from lmlab.objective.gradients_made import GradientsMade, keep_gradients
from lmlab.product import product

# Logits held at once: 8 MiB in fp32 on a CPU, so that they stay in its cache; a GPU wants more.
CHUNK_ELEMENTS = {"cpu": 2 * 2**20, "cuda": 64 * 2**20}
MIN_ROWS = 64  # however large the vocabulary
SLICE_ROWS = 8192  # rows of the weight whose gradient is made at once


def _chunk_size(num_rows: int, vocab_size: int, device: str) -> int:
    elements = CHUNK_ELEMENTS["cpu" if device == "cpu" else "cuda"]
    return max(1, min(num_rows, max(MIN_ROWS, elements // vocab_size)))


def _softmax_in_place(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Turn logits (N, V) into probabilities; returns log(Z) and -log p[target], each (N,)."""
    largest = logits.amax(dim=1, keepdim=True)
    logits.sub_(largest)
    picked = logits.gather(1, target)
    norm = logits.exp_().sum(dim=1, keepdim=True)
    logits.mul_(norm.reciprocal())
    log_norm = norm.log_()
    return (log_norm + largest).squeeze(1), (log_norm - picked).squeeze(1)


class _FusedCrossEntropy(GradientsMade):
    """Sum of -log softmax(hidden @ weight.T)[target] over rows; gradients are made in forward."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        z_loss: float,
        dtype: torch.dtype,
        needs_grad: bool,
    ) -> tuple[Tensor, Tensor]:
        low_hidden, low_weight = hidden.to(dtype), weight.to(dtype)
        hidden_grad = torch.empty_like(low_hidden) if needs_grad else None
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if needs_grad else None
        bias_grad = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
        total = hidden.new_zeros((), dtype=torch.float32)
        z_total = hidden.new_zeros((), dtype=torch.float32)
        size = _chunk_size(len(hidden), weight.shape[0], hidden.device.type)
        slices = [slice(at, at + SLICE_ROWS) for at in range(0, weight.shape[0], SLICE_ROWS)]
        low = low_hidden.new_empty(size, weight.shape[0])
        high = low if dtype == torch.float32 else torch.empty_like(low, dtype=torch.float32)
        for start in range(0, len(hidden), size):
            rows = slice(start, min(start + size, len(hidden)))
            room = low[: rows.stop - start]
            logits = product(low_hidden[rows], low_weight.T, out=room)
            target = targets[rows, None]
            grad = logits if high is low else high[: rows.stop - start].copy_(logits)
            if bias is not None:
                grad += bias
            log_norm, nll = _softmax_in_place(grad, target)
            total += nll.sum()
            z_total += log_norm.square().sum()
            if hidden_grad is None or weight_grad is None:
                continue
            if z_loss:
                grad.mul_(1.0 + 2.0 * z_loss * log_norm[:, None])
            grad.scatter_add_(1, target, grad.new_full((1, 1), -1.0).expand_as(target))
            if bias_grad is not None:
                bias_grad += grad.sum(dim=0)
            if high is not low:
                logits.copy_(grad)
            hidden_grad[rows] = product(logits, low_weight)
            for part in slices:  # a part of the vocabulary at a time: the product stays small
                weight_grad[part] += product(logits[:, part].T, low_hidden[rows])
        keep_gradients(ctx, hidden, weight, (hidden_grad, weight_grad, bias_grad))
        return total + z_loss * z_total, total


def fused_cross_entropy(
    hidden: Tensor, head: Head, targets: Tensor, mask: Tensor, z_loss: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Sums over the positions that count of the objective and of the plain cross entropy, in nats.

    hidden (..., D); targets (...) int64; mask (...) bool, True: the position counts. The head's
    readout sees only the positions that count.
    z_loss adds z_loss * log(Z)^2 a position (PaLM section 5), Z the softmax's normaliser.
    Under autocast the matrix products run in its dtype; sums and softmax are fp32.
    """
    rows, picked = hidden.flatten(0, -2), targets.flatten()
    if not bool(mask.all()):
        keep = mask.flatten().nonzero().squeeze(1)
        rows, picked = rows[keep], picked[keep]
    if head.readout is not None:
        rows = head.readout(rows)
    kind = hidden.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else head.weight.dtype
    with torch.autocast(kind, enabled=False):
        if hasattr(head.weight, "device_mesh"):  # a part of the vocabulary on each device
            from lmlab.objective.sharded_cross_entropy import sharded_cross_entropy

            size = CHUNK_ELEMENTS["cpu" if kind == "cpu" else "cuda"]
            return sharded_cross_entropy(rows, head.weight, head.bias, picked, z_loss, dtype, size)
        # Inside the function gradients are always off: whether they are wanted is known only here.
        needs_grad = torch.is_grad_enabled() and (rows.requires_grad or head.weight.requires_grad)
        return _FusedCrossEntropy.apply(
            rows, head.weight, head.bias, picked, z_loss, dtype, needs_grad
        )
