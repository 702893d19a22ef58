"""The scalar that a reward model reads off the last token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lmlab.stage.passes import in_order, passes


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

    parts: how many passes by length the rows share, 1 to N.
    """
    made = passes(lengths, tokens.shape[1], parts)
    found = [_rewards(arch, head, tokens[rows, :width], lengths[rows]) for rows, width in made]
    return in_order(found, made)


def _rewards(arch: Any, head: nn.Module, tokens: Tensor, lengths: Tensor) -> Tensor:
    if arch.kind == "encoder":
        index = torch.arange(tokens.shape[1], device=tokens.device)
        hidden = arch(tokens, None, (index[None, :] < lengths[:, None]).long())
    else:
        hidden = arch(tokens)
    return head(hidden[torch.arange(len(tokens), device=tokens.device), lengths - 1])
