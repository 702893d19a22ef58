"""T5: the encoder-decoder of pre-norm blocks without biases, with relative positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from lmlab.arch.layer.attention import SelfAttention
from lmlab.arch.layer.cross_attention import (
    CrossAttention,
    DecoderCache,
    DecoderLayerCache,
    new_decoder_cache,
)
from lmlab.arch.layer.feed_forward import FEED_FORWARD
from lmlab.arch.layer.mask import AttentionMask, causal_mask, key_mask
from lmlab.arch.layer.norm import make_norm
from lmlab.arch.layer.relative_position import RelativePosition, folded
from lmlab.arch.layer.size import (
    check_length,
    encoder_decoder_flops,
    head_width_of,
    num_elements,
)
from lmlab.product import Linear


def rms_norm(width: int) -> nn.Module:
    """T5's norm: no mean, no bias."""
    return make_norm("rms", width, bias=False, eps=1e-6)


class EncoderBlock(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)); (B, S, D) to (B, S, D)."""

    def __init__(
        self, attention: SelfAttention, feed_forward: nn.Module, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.attention_norm, self.attention = rms_norm(width), attention
        self.feed_forward_norm, self.feed_forward = rms_norm(width), feed_forward
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: AttentionMask) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class DecoderBlock(nn.Module):
    """As the encoder's, with x + cross_attention(norm(x), memory) in between; (B, T, D)."""

    def __init__(
        self,
        attention: SelfAttention,
        cross_attention: CrossAttention,
        feed_forward: nn.Module,
        width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention_norm, self.attention = rms_norm(width), attention
        self.cross_attention_norm, self.cross_attention = rms_norm(width), cross_attention
        self.feed_forward_norm, self.feed_forward = rms_norm(width), feed_forward
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: AttentionMask,
        memory: Tensor,
        memory_mask: AttentionMask,
        cache: DecoderLayerCache | None,
    ) -> Tensor:
        own = None if cache is None else cache.own
        x = x + self.dropout(self.attention(self.attention_norm(x), mask, None, own))
        read = self.cross_attention(self.cross_attention_norm(x), memory, memory_mask, cache)
        x = x + self.dropout(read)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Stack(nn.Module):
    """Blocks that share one table of relative positions, and the norm after the last of them."""

    def __init__(self, position: RelativePosition, blocks: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.position, self.blocks = position, nn.ModuleList(blocks)
        self.final_norm = rms_norm(width)


class T5(nn.Module):
    """Source (B, S) and target tokens (B, T) in, hidden states (B, T, D) out.

    `unembed` turns those into logits (B, T, V). Tied embeddings are T5 v1.0, which scales the
    hidden states by 1 / sqrt(D) before them; untied ones are v1.1, which does not. shared_blocks
    makes the decoder use the encoder's attention and feed-forward layers.
    Mask: source_mask (B, S) bool or None, True: a real token; a row must have one.
    Raises: ValueError for sizes that do not fit and for sequences beyond `max_seq_len`.
    Source: Raffel et al. 2020 section 2.1, Shazeer 2020; rows S0-11, S4-22.
    Differs: embeddings start at 0.25, not 1 (untied unembeddings at 0.25 / sqrt(D)), so that the
    first loss is ln V.
    """

    kind: ClassVar[str] = "encoder_decoder"
    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {
        "token_embedding": ("vocab", "embed"),
        "unembedding": ("vocab", "embed"),
    }
    splits: ClassVar[tuple[str, ...]] = ("vocab",)
    uneven: ClassVar[tuple[str, ...]] = ("vocab",)

    def __init__(
        self,
        *,
        vocab_size: int,
        num_layers: int,
        num_decoder_layers: int | None,
        width: int,
        num_heads: int,
        head_width: int | None,
        ff_width: int | None,
        feed_forward: Literal["relu", "gelu", "geglu", "swiglu"],
        max_seq_len: int,
        num_buckets: int,
        max_distance: int,
        tied_embeddings: bool,
        shared_blocks: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        if shared_blocks and num_decoder_layers not in (None, num_layers):
            raise ValueError(
                f"arch.shared_blocks=true needs arch.num_decoder_layers={num_layers} or null, as "
                f"many as arch.num_layers; not {num_decoder_layers}"
            )
        self.vocab_size, self.width, self.max_seq_len = vocab_size, width, max_seq_len
        self.num_layers, self.num_heads, self.cache_heads = num_layers, num_heads, num_heads
        self.head_width = head_width or head_width_of(width, num_heads)
        self.ff_width, self.feed_forward = ff_width or 4 * width, FEED_FORWARD[feed_forward]
        self.tied_embeddings, self.rate = tied_embeddings, dropout
        positions = num_buckets, max_distance, num_heads
        self.token_embedding = nn.Embedding(vocab_size, width)
        encoder = [self._encoder_block() for _ in range(num_layers)]
        decoder = [
            self._decoder_block(encoder[layer] if shared_blocks else None)
            for layer in range(num_layers if num_decoder_layers is None else num_decoder_layers)
        ]
        self.encoder = Stack(RelativePosition(*positions, bidirectional=True), encoder, width)
        self.decoder = Stack(RelativePosition(*positions, bidirectional=False), decoder, width)
        self.dropout = nn.Dropout(dropout)
        self.unembedding = Linear(width, vocab_size, bias=False)
        if tied_embeddings:
            self.unembedding.weight = self.token_embedding.weight
        self.reset_parameters()

    def _attention(self) -> SelfAttention:
        sizes = (self.width, self.num_heads, self.num_heads, self.head_width)
        return SelfAttention(*sizes, bias=False, dropout=self.rate, scale=1.0)

    def _feed_forward(self) -> nn.Module:
        return self.feed_forward(self.width, self.ff_width, bias=False, dropout=self.rate)

    def _encoder_block(self) -> EncoderBlock:
        return EncoderBlock(self._attention(), self._feed_forward(), self.width, self.rate)

    def _decoder_block(self, shared: EncoderBlock | None) -> DecoderBlock:
        sizes = (self.width, self.num_heads, self.head_width)
        cross = CrossAttention(*sizes, bias=False, dropout=self.rate, scale=1.0)
        attention = self._attention() if shared is None else shared.attention
        feed_forward = self._feed_forward() if shared is None else shared.feed_forward
        return DecoderBlock(attention, cross, feed_forward, self.width, self.rate)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal weights of 1 / sqrt(inputs), the query's also of 1 / sqrt(K) for its scores."""
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
            elif name.endswith("query.weight"):
                parameter.normal_(0.0, (self.width * self.head_width) ** -0.5)
            elif name.endswith("position.table.weight"):
                parameter.normal_(0.0, self.width**-0.5)
            else:
                parameter.normal_(0.0, parameter.shape[1] ** -0.5)
        self.unembedding.weight.normal_(0.0, 0.25 / math.sqrt(self.width))
        self.token_embedding.weight.normal_(0.0, 0.25)

    def forward(self, source: Tensor, tokens: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Hidden states (B, T, D) of tokens (B, T), which see the source and what is before them."""
        return self._decode(tokens, self.encode(source, source_mask), source_mask, None)

    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """What the decoder reads: (B, S, D) of source (B, S)."""
        length = source.shape[1]
        check_length(length, self.max_seq_len, "source")
        x = self.dropout(self.token_embedding(source))
        mask = folded(key_mask(source_mask), self.encoder.position(length, length))
        for block in self.encoder.blocks:
            x = block(x, mask)
        return self.dropout(self.encoder.final_norm(x))

    def _decode(
        self,
        tokens: Tensor,
        memory: Tensor,
        source_mask: Tensor | None,
        cache: DecoderCache | None,
    ) -> Tensor:
        total = tokens.shape[1] + (cache.length if cache else 0)
        check_length(total, self.max_seq_len, "target")
        x = self.dropout(self.token_embedding(tokens))
        causal = causal_mask(tokens.shape[1], total, None, tokens.device)
        mask = folded(causal, self.decoder.position(tokens.shape[1], total))
        memory_mask = key_mask(source_mask)
        for layer, block in enumerate(self.decoder.blocks):
            x = block(x, mask, memory, memory_mask, cache.layers[layer] if cache else None)
        return self.dropout(self.decoder.final_norm(x))

    def start_decoding(
        self, memory: Tensor, source_mask: Tensor | None, max_len: int
    ) -> DecoderCache:
        """Room for `max_len` target tokens of each row of memory (B, S, D)."""
        shape = (self.cache_heads, min(max_len, self.max_seq_len), self.head_width)
        return new_decoder_cache(memory, source_mask, len(self.decoder.blocks), shape)

    def decode(self, tokens: Tensor, cache: DecoderCache) -> Tensor:
        """Hidden states (B, T, D) of T new tokens (B, T), after those that the cache has seen."""
        return self._decode(tokens, cache.memory, cache.memory_mask, cache)

    def readout(self, hidden: Tensor) -> Tensor:
        """Hidden states (..., D) as the unembedding takes them."""
        return hidden * self.width**-0.5 if self.tied_embeddings else hidden

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., D)."""
        return self.unembedding(self.readout(hidden))

    def num_embedding_params(self) -> int:
        """Parameters of the token embedding and of an untied unembedding."""
        return num_elements(self.token_embedding, self.unembedding)

    def flops_per_sequence(self, source_len: int, target_len: int, num_scored: float) -> float:
        """Of training: forward and backward, the unembedding for the scored tokens only."""
        stacks = self.encoder.blocks, self.decoder.blocks
        inner_width = self.num_heads * self.head_width
        blocks = encoder_decoder_flops(*stacks, inner_width, source_len, target_len)
        return blocks + 6.0 * self.unembedding.weight.numel() * num_scored
