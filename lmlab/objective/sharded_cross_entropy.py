"""Cross entropy where each device has a part of the vocabulary: logits are never put together."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from lmlab.objective.gradients_made import GradientsMade, keep_gradients
from lmlab.product import product


class _ShardedCrossEntropy(GradientsMade):
    """As _FusedCrossEntropy, over this device's rows of the weight; gradients are made in forward."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        settings: tuple[float, torch.dtype, int, Any, int, bool],
    ) -> tuple[Tensor, Tensor]:
        z_loss, dtype, first, group, size, needs_grad = settings
        low_hidden, low_weight = hidden.to(dtype), weight.to(dtype)
        hidden_grad = torch.empty_like(low_hidden) if needs_grad else None
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if needs_grad else None
        bias_grad = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
        total, z_total = (hidden.new_zeros((), dtype=torch.float32) for _ in range(2))
        for start in range(0, len(hidden), size):
            rows = slice(start, start + size)
            logits = product(low_hidden[rows], low_weight.T).float()
            if bias is not None:
                logits += bias
            own = targets[rows, None] - first
            here = (own >= 0) & (own < len(weight))
            own = own.where(here, 0)
            log_norm, nll = _softmax_over_devices(logits, own, here, group)
            total += nll.sum()
            z_total += log_norm.square().sum()
            if hidden_grad is None or weight_grad is None:
                continue
            if z_loss:
                logits.mul_(1.0 + 2.0 * z_loss * log_norm[:, None])
            logits.scatter_add_(1, own, -here.to(logits.dtype))
            if bias_grad is not None:
                bias_grad += logits.sum(dim=0)
            grad = logits.to(dtype)
            hidden_grad[rows] = product(grad, low_weight)
            weight_grad += product(grad.T, low_hidden[rows])
        if hidden_grad is not None:
            dist.all_reduce(hidden_grad, group=group)
        keep_gradients(ctx, hidden, weight, (hidden_grad, weight_grad, bias_grad))
        return total + z_loss * z_total, total


def _softmax_over_devices(
    logits: Tensor, own: Tensor, here: Tensor, group: Any
) -> tuple[Tensor, Tensor]:
    """Turn a part of logits (N, V / n) into probabilities; returns log(Z) and -log p[target], (N,).

    own (N, 1): the target's column, here (N, 1): whether this device has it.
    """
    largest = logits.amax(dim=1, keepdim=True)
    dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=group)
    logits.sub_(largest)
    picked = logits.gather(1, own) * here
    norm = logits.exp_().sum(dim=1, keepdim=True)
    both = torch.cat((picked, norm), dim=1)
    dist.all_reduce(both, group=group)
    picked, norm = both[:, :1], both[:, 1:]
    logits.mul_(norm.reciprocal())
    log_norm = norm.log()
    return (log_norm + largest).squeeze(1), (log_norm - picked).squeeze(1)


def sharded_cross_entropy(
    hidden: Tensor,
    weight: Any,
    bias: Any,
    targets: Tensor,
    z_loss: float,
    dtype: torch.dtype,
    chunk_elements: int,
) -> tuple[Tensor, Tensor]:
    """Sums of the objective and of the plain cross entropy, in nats, equal on every device.

    hidden (N, D), the same on all devices; weight a DTensor (V, D) whose rows one line of devices
    divides (the last may have fewer), bias the same or None; targets (N,) int64. A softmax takes a
    maximum and two sums a row. Without gradients (torch.no_grad) none are made.
    Source: Shoeybi et al. 2019 section 3. Differs: gradients are made in forward.
    """
    line = weight.device_mesh
    local, local_bias = weight.to_local(), None if bias is None else bias.to_local()
    first = line.get_local_rank() * -(-weight.shape[0] // line.size())
    size = max(64, chunk_elements // len(local))
    # Inside the function gradients are always off: whether they are wanted is known only here.
    needs_grad = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    settings = (z_loss, dtype, first, line.get_group(), size, needs_grad)
    result: tuple[Tensor, Tensor] = _ShardedCrossEntropy.apply(
        hidden, local, local_bias, targets, settings
    )
    return result
