"""The scalar that a reward model reads off the last token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

MULTIPLE = 8  # widths of a pass, so that few different ones occur


class RewardHead(nn.Module):
    """Hidden states (N, D) to rewards (N,), no unit. Source: Ouyang et al. 2022 section 3.5."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        nn.init.normal_(self.linear.weight, 0.0, 0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden).squeeze(-1).float()


def rewards(arch: Any, head: nn.Module, tokens: Tensor, lengths: Tensor, parts: int = 1) -> Tensor:
    """Rewards (N,) of tokens (N, T), padded on the right, read at the last of `lengths` (N,) each.

    parts: how many passes the rows share, sorted by length, so that each is only as wide as its own
    longest: lengths vary, and one pass would spend most of its time on padding. 1 <= parts <= N.
    """
    order = lengths.argsort(stable=True)
    found = [
        _rewards(arch, head, tokens[part], lengths[part]) for part in order.tensor_split(parts)
    ]
    return torch.cat(found)[order.argsort()]


def _rewards(arch: Any, head: nn.Module, tokens: Tensor, lengths: Tensor) -> Tensor:
    width = min(tokens.shape[1], -(-int(lengths.max()) // MULTIPLE) * MULTIPLE)
    tokens = tokens[:, :width]
    if arch.kind == "encoder":
        index = torch.arange(width, device=tokens.device)
        hidden = arch(tokens, None, (index[None, :] < lengths[:, None]).long())
    else:
        hidden = arch(tokens)
    return head(hidden[torch.arange(len(tokens), device=tokens.device), lengths - 1])
