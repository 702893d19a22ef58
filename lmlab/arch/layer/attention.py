"""Multi-head self-attention and its incremental form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmlab.arch.layer.attend import attend
from lmlab.arch.layer.mask import AttentionMask
from lmlab.arch.layer.position import rotate
from lmlab.arch.layer.precision import in_compute_dtype


@dataclass(slots=True)
class LayerCache:
    """Keys and values that one layer has seen: each (B, H key-value, max T, K)."""

    keys: Tensor
    values: Tensor
    length: int = 0

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, H, T, K) keys and values; returns all that are held."""
        end = self.length + keys.shape[2]
        self.keys[:, :, self.length : end] = keys
        self.values[:, :, self.length : end] = values
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]


class SelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(K)) V over H heads, (B, T, D) to (B, T, D).

    num_kv_heads < num_heads shares keys and values among groups of heads (grouped queries).
    Source: Vaswani et al. 2017 section 3.2 (rows S3-06, S3-07, S1-16); Ainslie et al. 2023.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        num_kv_heads: int,
        head_width: int,
        *,
        bias: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads, self.head_width = num_heads, num_kv_heads, head_width
        self.dropout = dropout
        self.query = nn.Linear(width, num_heads * head_width, bias=bias)
        self.key = nn.Linear(width, num_kv_heads * head_width, bias=bias)
        self.value = nn.Linear(width, num_kv_heads * head_width, bias=bias)
        self.output = nn.Linear(num_heads * head_width, width, bias=bias)

    def forward(
        self,
        x: Tensor,
        mask: AttentionMask,
        angles: tuple[Tensor, Tensor] | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        x = in_compute_dtype(x)  # once, not once for each of the three products
        query, key, value = (
            layer(x).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        if angles is not None:
            query, key = rotate(query, *angles), rotate(key, *angles)
        if cache is not None:
            key, value = cache.extend(key, value)
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, key, value, mask, dropout)
        return self.output(mixed.transpose(1, 2).flatten(2))


def new_cache(
    num_layers: int, shape: tuple[int, int, int, int], device: torch.device, dtype: torch.dtype
) -> list[LayerCache]:
    """Empty caches, one a layer; shape (B, H key-value, max T, K)."""
    return [
        LayerCache(
            torch.empty(shape, device=device, dtype=dtype),
            torch.empty(shape, device=device, dtype=dtype),
        )
        for _ in range(num_layers)
    ]
