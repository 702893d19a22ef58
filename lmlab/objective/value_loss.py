"""The loss of a value model: half the squared error, with PPO's optional clip."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_value_loss(values: Tensor, targets: Tensor) -> Tensor:
    """1/2 (r - V)^2 at every token, any shape (row S0-28)."""
    return 0.5 * (targets - values).square()


def clipped_value_loss(
    values: Tensor, old_values: Tensor, targets: Tensor, clip: float | None
) -> tuple[Tensor, Tensor]:
    """The larger of the loss and that of V kept within `clip` of its old value, and where it is so.

    Source: the PPO implementation of OpenAI baselines. clip None: the plain loss.
    """
    plain = squared_value_loss(values, targets)
    if clip is None:
        return plain, torch.zeros_like(plain, dtype=torch.bool)
    kept = old_values + (values - old_values).clamp(-clip, clip)
    bounded = squared_value_loss(kept, targets)
    return torch.maximum(plain, bounded), bounded > plain
