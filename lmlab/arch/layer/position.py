"""How an architecture learns where a token stands: learned, sinusoidal, rotary or not at all."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

PositionName = Literal["learned", "sinusoidal", "rotary", "none"]


def sinusoidal_table(max_seq_len: int, width: int) -> Tensor:
    """(max_seq_len, D): sine in even columns, cosine in odd ones.

    Source: Vaswani et al. 2017, section 3.5; row S3-08 (which prints the sine row only).
    """
    position = torch.arange(max_seq_len, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10000.0) / width))
    table = torch.zeros(max_seq_len, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate[: width // 2])
    return table


class SinusoidalPosition(nn.Module):
    """Fixed position vectors, added to the token embeddings. positions (B, T) to (B, T, D)."""

    table: Tensor

    def __init__(self, max_seq_len: int, width: int) -> None:
        super().__init__()
        self.max_seq_len, self.width = max_seq_len, width
        self.register_buffer("table", sinusoidal_table(max_seq_len, width), persistent=False)

    def forward(self, positions: Tensor) -> Tensor:
        return self.table[positions]


def rotary_rates(head_width: int, base: float, device: torch.device) -> Tensor:
    """Radians a position by which each pair of channels turns, (K / 2,), the fastest first.

    Source: Su et al. 2021 (RoFormer), section 3.2.2.
    """
    channel = torch.arange(0, head_width, 2, device=device, dtype=torch.float32)
    return 1.0 / base ** (channel / head_width)


def stretched_rates(
    rates: Tensor, factor: float, low_freq: float, high_freq: float, original_len: float
) -> Tensor:
    """Rates (K / 2,) for sequences `factor` times as long as the `original_len` tokens of pretraining.

    A wave of more than original_len / low_freq tokens turns `factor` times slower, one of less than
    original_len / high_freq as before, and those between by a share of both.
    Source: Llama 3.1 (arXiv 2407.21783, section 3.4.3); the release's code has the formula.
    """
    waves = original_len * rates / (2 * math.pi)  # in original_len tokens
    share = ((waves - low_freq) / (high_freq - low_freq)).clamp(0.0, 1.0)
    return (1.0 - share) * rates / factor + share * rates


def rotary_angles(
    positions: Tensor, head_width: int, base: float, rates: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the rotation of every pair of channels: positions (..., T) to (..., T, K).

    rates (K / 2,) replace those of `base`.
    Source: Su et al. 2021 (RoFormer), in the half-split layout that Llama's weights use.
    """
    if rates is None:
        rates = rotary_rates(head_width, base, positions.device)
    angle = positions[..., None].float() * rates
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (B, H, T, K) turned by the angles of `rotary_angles`, (T, K) or (B, 1, T, K)."""
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return x * cos.to(x.dtype) + turned * sin.to(x.dtype)
