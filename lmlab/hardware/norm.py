"""The norm of gradients that lie on several meshes, or partly on none."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor


def gradient_norm(gradients: Iterable[Tensor]) -> float:
    """The 2-norm of all together, whatever mesh each of them is divided over."""
    kinds: dict[object, list[Tensor]] = {}
    for gradient in gradients:
        kind = (
            (gradient.device_mesh, gradient.placements) if isinstance(gradient, DTensor) else None
        )
        kinds.setdefault(kind, []).append(gradient)
    norms = []
    for group in kinds.values():
        norm = torch.nn.utils.get_total_norm(group)
        norms.append(float(norm.full_tensor() if isinstance(norm, DTensor) else norm))
    return math.hypot(*norms)


@torch.no_grad()
def clip_gradients(parameters: Iterable[Tensor], limit: float) -> float:
    """Scale gradients so that their norm is at most `limit`; returns the norm before that."""
    gradients = [each.grad for each in parameters if each.grad is not None]
    norm = gradient_norm(gradients)
    factor = min(1.0, limit / (norm + 1e-6)) if math.isfinite(norm) else norm
    if factor != 1.0:
        for gradient in gradients:
            local = gradient.to_local() if isinstance(gradient, DTensor) else gradient
            local.mul_(factor)
    return norm
