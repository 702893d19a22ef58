"""Multi-head self-attention and its incremental form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmlab.arch.layer.attend import attend
from lmlab.arch.layer.mask import AttentionMask, covering
from lmlab.arch.layer.position import rotate
from lmlab.arch.layer.precision import in_compute_dtype
from lmlab.product import Linear

BLOCK = 64  # tokens that a cache grows by


@dataclass(slots=True)
class LayerCache:
    """Keys and values that one layer has seen: each (B, H key-value, room, K), zeros behind `length`.

    The room grows up to max_len, so that what is held stays one piece of memory.
    """

    keys: Tensor
    values: Tensor
    length: int = 0
    max_len: int = 2**31

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, H, T, K) keys and values; returns all that are held, or more (see `covering`).

        For one new token on a CPU the whole room comes back: a slice of it would be copied by every
        product.
        """
        start, end = self.length, self.length + keys.shape[2]
        if end > self.keys.shape[2]:
            self._grow(end)
        self.keys[:, :, start:end] = keys
        self.values[:, :, start:end] = values
        self.length = end
        if start == 0:
            return keys, values
        if end - start == 1 and keys.device.type == "cpu":
            return self.keys, self.values
        return self.keys[:, :, :end], self.values[:, :, :end]

    def _grow(self, num_tokens: int) -> None:
        room = max(num_tokens, min(-(-num_tokens // BLOCK) * BLOCK, self.max_len))
        more = (0, 0, 0, room - self.keys.shape[2])
        self.keys, self.values = F.pad(self.keys, more), F.pad(self.values, more)

    def select(self, rows: Tensor) -> None:
        """Keep the sequences `rows` (n,) int64, in that order; a row may be named more than once."""
        self.keys, self.values = self.keys[rows], self.values[rows]


class SelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(K)) V over H heads, (B, T, D) to (B, T, D).

    num_kv_heads < num_heads shares keys and values among groups of heads (grouped queries);
    scale replaces 1 / sqrt(K).
    Source: Vaswani et al. 2017 section 3.2 (rows S3-06, S3-07, S1-16); Ainslie et al. 2023.
    """

    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {
        "query": ("heads head_width", "embed"),
        "key": ("heads head_width", "embed"),
        "value": ("heads head_width", "embed"),
        "output": ("embed", "heads head_width"),
    }
    splits: ClassVar[tuple[str, ...]] = ("heads",)

    def __init__(
        self,
        width: int,
        num_heads: int,
        num_kv_heads: int,
        head_width: int,
        *,
        bias: bool,
        dropout: float,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads, self.head_width = num_heads, num_kv_heads, head_width
        self.dropout, self.scale = dropout, scale
        self.query = Linear(width, num_heads * head_width, bias=bias)
        self.key = Linear(width, num_kv_heads * head_width, bias=bias)
        self.value = Linear(width, num_kv_heads * head_width, bias=bias)
        self.output = Linear(num_heads * head_width, width, bias=bias)

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
            mask = covering(mask, cache.length, key.shape[2])
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, key, value, mask, dropout, self.scale)
        return self.output(mixed.transpose(1, 2).flatten(2))


def new_cache(
    num_layers: int, shape: tuple[int, int, int, int], device: torch.device, dtype: torch.dtype
) -> list[LayerCache]:
    """Empty caches, one a layer; shape (B, H key-value, max T, K); under autocast in its dtype."""
    if torch.is_autocast_enabled(device.type):
        dtype = torch.get_autocast_dtype(device.type)
    batch, heads, max_len, width = shape
    first = (batch, heads, min(BLOCK, max_len), width)
    return [
        LayerCache(
            torch.zeros(first, device=device, dtype=dtype),
            torch.zeros(first, device=device, dtype=dtype),
            max_len=max_len,
        )
        for _ in range(num_layers)
    ]
