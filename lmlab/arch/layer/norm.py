"""Normalisation layers."""

from __future__ import annotations

from typing import Literal

from torch import nn

NormName = Literal["layer", "rms"]


def make_norm(name: NormName, width: int, *, bias: bool, eps: float = 1e-5) -> nn.Module:
    """A normalisation over the last dimension, (..., D) to (..., D).

    Source: LayerNorm arXiv 1607.06450; RMSNorm arXiv 1910.07467. An RMS norm never has a bias.
    """
    if name == "rms":
        made: nn.Module = nn.RMSNorm(width, eps=eps)
    else:
        made = nn.LayerNorm(width, eps=eps, bias=bias)
    made.axes = {"weight": ("embed",), "bias": ("embed",)}  # type: ignore[assignment]
    return made
