"""How token losses (R, T) become one number: over tokens, over responses, or by a constant."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def reduced(
    per_token: Tensor,
    mask: Tensor,
    reduction: Literal["token", "sequence", "constant"],
    constant: float = 1.0,
) -> Tensor:
    """The sum whose division by `num_terms` gives the mean; it adds up over micro-batches.

    token: over all tokens, every token alike (DAPO). sequence: the mean over each response, every
    response alike (GRPO as published; row S0-28's 1/N 1/T for the value). constant: each response's
    sum over its tokens divided by one number, however long it is (Dr. GRPO).
    """
    kept = per_token.masked_fill(~mask, 0.0)
    if reduction == "token":
        return kept.sum()
    if reduction == "sequence":
        return (kept.sum(dim=1) / mask.sum(dim=1).clamp(min=1)).sum()
    return kept.sum() / constant


def num_terms(mask: Tensor, reduction: Literal["token", "sequence", "constant"]) -> Tensor:
    """How many terms the mean is over: tokens that count, or responses with any; a scalar."""
    return mask.sum() if reduction == "token" else mask.any(dim=1).sum()


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum over what counts, detached, as the metrics of a Loss are."""
    return torch.where(mask, values.detach(), torch.zeros_like(values)).sum()
