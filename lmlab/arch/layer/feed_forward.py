"""The position-wise feed-forward layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmlab.product import Linear

FeedForwardName = Literal["gelu", "gelu_exact", "relu", "geglu", "swiglu"]


class PlainFeedForward(nn.Module):
    """down(f(up(x))), (..., D) to (..., D); a subclass says which f.

    dropout: rate 0..1 on the inner activations, as T5 and BART have it.
    Source: Vaswani et al. 2017, section 3.3.
    """

    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {
        "up": ("mlp", "embed"),
        "down": ("embed", "mlp"),
    }
    splits: ClassVar[tuple[str, ...]] = ("mlp",)
    activation: Callable[[Tensor], Tensor]

    def __init__(self, width: int, ff_width: int, *, bias: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = Linear(width, ff_width, bias=bias)
        self.down = Linear(ff_width, width, bias=bias)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        return self.down(drop(self.activation(self.up(x)), self.dropout, self.training))


class GatedFeedForward(nn.Module):
    """down(f(gate(x)) * up(x)), (..., D) to (..., D); a subclass says which f.

    dropout: rate 0..1 on the inner activations. Source: Shazeer 2020 (arXiv 2002.05202).
    """

    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {
        "gate": ("mlp", "embed"),
        "up": ("mlp", "embed"),
        "down": ("embed", "mlp"),
    }
    splits: ClassVar[tuple[str, ...]] = ("mlp",)
    activation: Callable[[Tensor], Tensor]

    def __init__(self, width: int, ff_width: int, *, bias: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.gate = Linear(width, ff_width, bias=bias)
        self.up = Linear(width, ff_width, bias=bias)
        self.down = Linear(ff_width, width, bias=bias)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        inner = self.activation(self.gate(x)) * self.up(x)
        return self.down(drop(inner, self.dropout, self.training))


def drop(x: Tensor, rate: float, training: bool) -> Tensor:
    """Dropout that costs nothing at rate 0."""
    return F.dropout(x, rate) if training and rate else x


def tanh_gelu(x: Tensor) -> Tensor:
    """The GELU by its tanh form."""
    return F.gelu(x, approximate="tanh")


class GeluFeedForward(PlainFeedForward):
    """With the tanh form of the GELU. Source: GPT-1 section 4.1."""

    activation = staticmethod(tanh_gelu)


class ExactGeluFeedForward(PlainFeedForward):
    """With the GELU by the error function, as BERT and BART have it."""

    activation = staticmethod(F.gelu)


class ReluFeedForward(PlainFeedForward):
    """With max(0, x), as the first transformer and T5 v1.0 have it."""

    activation = staticmethod(torch.relu)


class GegluFeedForward(GatedFeedForward):
    """With the tanh form of the GELU as gate, as T5 v1.1 has it."""

    activation = staticmethod(tanh_gelu)


class SwigluFeedForward(GatedFeedForward):
    """With x sigmoid(x) as gate, as Llama has it."""

    activation = staticmethod(F.silu)


FEED_FORWARD: dict[str, type[nn.Module]] = {
    "gelu": GeluFeedForward,
    "gelu_exact": ExactGeluFeedForward,
    "relu": ReluFeedForward,
    "geglu": GegluFeedForward,
    "swiglu": SwigluFeedForward,
}
