"""The position-wise feed-forward layers."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

FeedForwardName = Literal["gelu", "swiglu"]


class GeluFeedForward(nn.Module):
    """down(gelu(up(x))), (..., D) to (..., D). Source: GPT-1 section 4.1; tanh form of the GELU."""

    def __init__(self, width: int, ff_width: int, *, bias: bool) -> None:
        super().__init__()
        self.up = nn.Linear(width, ff_width, bias=bias)
        self.down = nn.Linear(ff_width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class SwigluFeedForward(nn.Module):
    """down(silu(gate(x)) * up(x)), (..., D) to (..., D). Source: Shazeer 2020 (arXiv 2002.05202)."""

    def __init__(self, width: int, ff_width: int, *, bias: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(width, ff_width, bias=bias)
        self.up = nn.Linear(width, ff_width, bias=bias)
        self.down = nn.Linear(ff_width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


FEED_FORWARD: dict[str, type[nn.Module]] = {"gelu": GeluFeedForward, "swiglu": SwigluFeedForward}
