"""Low-rank adapters: a linear layer stays as it is and learns a small correction beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lmlab.product import linear

# The linear layers of attention and feed-forward, by their names.
TARGETS = ("query", "key", "value", "output", "up", "down", "gate")


class LoraLinear(nn.Module):
    """x W^T + b + (alpha / rank) x A^T B^T, (..., I) to (..., O); only A and B train.

    weight (O, I) and bias (O,) keep the names they had; lora_in is A (rank, I), lora_out is B
    (O, rank), which starts at 0, so that at first nothing changes; lora_scale: alpha / rank.
    Source: Hu et al. 2021 (arXiv 2106.09685), section 4.1.
    """

    def __init__(self, layer: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.weight.requires_grad_(False)
        if self.bias is not None:
            self.bias.requires_grad_(False)
        outer, inner = layer.weight.shape
        self.lora_in = nn.Parameter(self.weight.new_empty(rank, inner))
        self.lora_out = nn.Parameter(self.weight.new_zeros(outer, rank))
        self.register_buffer("lora_scale", torch.tensor(alpha / rank))
        nn.init.kaiming_uniform_(self.lora_in, a=math.sqrt(5))
        self.scale, self.enabled = alpha / rank, True

    def forward(self, x: Tensor) -> Tensor:
        plain = linear(x, self.weight, self.bias)
        if not self.enabled:
            return plain
        return plain + linear(linear(x, self.lora_in), self.lora_out) * self.scale


def add_lora(module: nn.Module, rank: int, alpha: float, targets: list[str]) -> int:
    """Freeze a module and put adapters on the linear layers of these names; returns how many.

    Raises: ValueError for a name that no linear layer of the module has.
    """
    module.requires_grad_(False)
    found = [
        (parent, name, child)
        for parent, name, child in _children(module)
        if isinstance(child, nn.Linear)
    ]
    names = {name for _, name, _ in found} & set(TARGETS)
    missing = [name for name in targets if name not in names]
    if missing or not targets:
        there = ", ".join(name for name in TARGETS if name in names)
        raise ValueError(f"stage.lora_targets={targets}: this architecture has {there}")
    chosen = [each for each in found if each[1] in targets]
    for parent, name, layer in chosen:
        setattr(parent, name, LoraLinear(layer, rank, alpha))
    return len(chosen)


@contextmanager
def without_lora(module: nn.Module) -> Iterator[None]:
    """Inside, the adapters of a module are off: it computes what it did before they were added."""
    layers = [layer for layer in module.modules() if isinstance(layer, LoraLinear)]
    before = [layer.enabled for layer in layers]
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer, enabled in zip(layers, before, strict=True):
            layer.enabled = enabled


def _children(module: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    return [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
    ]
