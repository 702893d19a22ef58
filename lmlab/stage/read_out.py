"""One vector for a whole text, and the linear layer that tells its class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LinearHead(nn.Module):
    """Vectors (N, D) to scores (N, C): dropout, then a linear layer that starts near 0.

    Source: row S3-23 (W_y), row S4-07; GPT-1 section 3.2 and 4.1.
    """

    def __init__(self, width: int, num_scores: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, num_scores)
        nn.init.normal_(self.linear.weight, 0.0, 0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.linear(self.dropout(vectors)).float()


def hidden_states(arch: Any, tokens: Tensor, lengths: Tensor, segments: Tensor) -> Tensor:
    """(N, T, D) of tokens (N, T), padded on the right behind `lengths` (N,), which nothing sees."""
    if arch.kind == "decoder":
        return arch(tokens)
    index = torch.arange(tokens.shape[1], device=tokens.device)
    return arch(tokens, None, (index < lengths[:, None]).long(), segments)


def vectors(arch: Any, hidden: Tensor, lengths: Tensor) -> Tensor:
    """(N, D): the state of the last token of a decoder; of an encoder that of its first one.

    An encoder's goes through its pooler where it has one.
    """
    if arch.kind == "decoder":
        return hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1]
    if getattr(arch, "pooler", None) is not None:
        return arch.pool(hidden)
    return hidden[:, 0]
