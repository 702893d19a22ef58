"""Attention of a decoder to what an encoder has read, and what incremental decoding keeps of both."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from lmlab.arch.layer.attend import attend
from lmlab.arch.layer.attention import LayerCache, SelfAttention, new_cache
from lmlab.arch.layer.mask import AttentionMask
from lmlab.arch.layer.precision import in_compute_dtype
from lmlab.product import Linear


@dataclass(slots=True)
class DecoderLayerCache:
    """What one layer keeps: its own keys and values, and those of the encoder's states.

    cross: a pair, each (B, H, S, K); None until the layer has made it, once.
    """

    own: LayerCache
    cross: tuple[Tensor, Tensor] | None = None


@dataclass(slots=True)
class DecoderCache:
    """The state of incremental decoding: memory (B, S, D), memory_mask (B, S) or None, layers."""

    memory: Tensor
    memory_mask: Tensor | None
    layers: list[DecoderLayerCache]

    @property
    def length(self) -> int:
        """Tokens decoded so far."""
        return self.layers[0].own.length

    def select(self, rows: Tensor) -> None:
        """Keep the sequences `rows` (n,) int64, in that order; a row may be named more than once."""
        self.memory = self.memory[rows]
        if self.memory_mask is not None:
            self.memory_mask = self.memory_mask[rows]
        for layer in self.layers:
            layer.own.select(rows)
            if layer.cross is not None:
                layer.cross = layer.cross[0][rows], layer.cross[1][rows]


def new_decoder_cache(
    memory: Tensor, memory_mask: Tensor | None, num_layers: int, shape: tuple[int, int, int]
) -> DecoderCache:
    """An empty cache for the rows of `memory`; shape (H, max T, K)."""
    own = new_cache(num_layers, (len(memory), *shape), memory.device, memory.dtype)
    return DecoderCache(memory, memory_mask, [DecoderLayerCache(cache) for cache in own])


class CrossAttention(nn.Module):
    """Queries of x (B, T, D) over keys and values of memory (B, S, D), to (B, T, D).

    scale replaces 1 / sqrt(K). Source: Vaswani et al. 2017 section 3.2.3; row S0-11.
    """

    axes, splits = SelfAttention.axes, SelfAttention.splits

    def __init__(
        self,
        width: int,
        num_heads: int,
        head_width: int,
        *,
        bias: bool,
        dropout: float,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        self.head_width, self.dropout, self.scale = head_width, dropout, scale
        self.query = Linear(width, num_heads * head_width, bias=bias)
        self.key = Linear(width, num_heads * head_width, bias=bias)
        self.value = Linear(width, num_heads * head_width, bias=bias)
        self.output = Linear(num_heads * head_width, width, bias=bias)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: AttentionMask,
        cache: DecoderLayerCache | None = None,
    ) -> Tensor:
        query = self._heads(self.query(x))
        known = None if cache is None else cache.cross
        key, value = self.keys_and_values(memory) if known is None else known
        if cache is not None:
            cache.cross = key, value
        mixed = attend(query, key, value, mask, self.dropout if self.training else 0.0, self.scale)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def keys_and_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Of memory (B, S, D), each (B, H, S, K)."""
        memory = in_compute_dtype(memory)
        return self._heads(self.key(memory)), self._heads(self.value(memory))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_width)).transpose(1, 2)
