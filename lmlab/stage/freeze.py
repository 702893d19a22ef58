"""Keeping weights out of training that a stage's loss does not read."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def freeze_unread(stage: nn.Module, total: Callable[[], Tensor]) -> None:
    """Freeze what gets no gradient of `total()`, a scalar: an unembedding, a pretraining head.

    Processes that average gradients would wait for them for good.
    """
    stage.eval()
    with torch.compiler.set_stance("force_eager"):  # one pass on the CPU is not worth compiling
        total().backward()
    for parameter in stage.parameters():
        if parameter.grad is None:
            parameter.requires_grad_(False)
        parameter.grad = None
    stage.train()
