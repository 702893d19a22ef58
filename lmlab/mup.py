"""Maximal-update parametrisation: the best learning rate stays where it is as the width grows.

Source: Yang et al. 2022 (Tensor Programs V, arXiv 2203.03466), table 8 for Adam. Its multipliers are
moved into initial weights and learning rates, which lemma J.1 there shows to be the same under Adam:
the output multiplier 1/m into the final norm, whose gain starts at 1/m and learns 1/m as fast (so
tied embeddings keep their one table); attention's 1/d into the query matrix. What was trained is then
an ordinary GPT or Llama, and loads, generates and exports like any other.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

# Head width at which attention is as without it: sqrt(32) q k / K in place of q k / sqrt(K).
HEAD_WIDTH = 32


def scales(
    name: str, parameter: torch.Tensor, ratio: float, head: float
) -> tuple[float, float, float]:
    """(initial value, Adam's learning rate, Muon's) as a factor, of one parameter of a GPT or Llama.

    ratio: m = width / base width; head: sqrt(32 / K). Muon: its update has one size in every
    direction, so sqrt(1/m) keeps that of the outputs (Yang, Simon and Bernstein 2023, arXiv
    2310.17813, condition 1).
    """
    path = f".{name}"
    if ".final_norm." in path:
        return 1 / ratio, 1 / ratio, 1.0
    if ".blocks." not in path:
        return 1.0, 1.0, 1.0
    attention = head if ".attention.query." in path else 1.0
    if parameter.dim() < 2:
        return attention, attention, 1.0
    return attention / math.sqrt(ratio), attention / ratio, attention / math.sqrt(ratio)


@torch.no_grad()
def rescale(arch: nn.Module, base_width: int) -> None:
    """Change the initial weights of a GPT or Llama in place, once, before any are loaded.

    At the base width and heads of 32 nothing changes. Raises: ValueError for other architectures.
    """
    ratio, head = ratios(arch, base_width)
    for name, parameter in arch.named_parameters():
        parameter.mul_(scales(name, parameter, ratio, head)[0])
    width = round(ratio * base_width)
    arch.unembedding.weight.mul_(_table_std(base_width) / _table_std(width))  # type: ignore


def ratios(module: nn.Module, base_width: int) -> tuple[float, float]:
    """m = width / base width and sqrt(32 / K) of the GPT or Llama inside `module`."""
    for part in module.modules():
        if all(hasattr(part, name) for name in ("blocks", "final_norm", "unembedding", "width")):
            found: Any = part
            return found.width / base_width, math.sqrt(HEAD_WIDTH / found.head_width)
    raise ValueError(
        f"optim.mup_base_width={base_width}: only GPT and Llama have this parametrisation; choose "
        "such an arch or optim.mup_base_width=null"
    )


def _table_std(width: int) -> float:
    """How GPT and Llama start the table of the unembedding: by width, which is undone here."""
    return min(0.02, 0.25 / math.sqrt(width))
