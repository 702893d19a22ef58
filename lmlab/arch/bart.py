"""BART: an encoder-decoder of post-norm blocks with learned positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

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
from lmlab.arch.layer.size import (
    check_length,
    encoder_decoder_flops,
    head_width_of,
    num_elements,
)
from lmlab.product import Linear


class EncoderBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + feed_forward(x)); (B, S, D) to (B, S, D)."""

    def __init__(self, width: int, num_heads: int, ff_width: int, dropout: float) -> None:
        super().__init__()
        head_width = head_width_of(width, num_heads)
        sizes = (width, num_heads, num_heads, head_width)
        self.attention = SelfAttention(*sizes, bias=True, dropout=dropout)
        self.attention_norm = make_norm("layer", width, bias=True)
        self.feed_forward = FEED_FORWARD["gelu_exact"](width, ff_width, bias=True, dropout=dropout)
        self.feed_forward_norm = make_norm("layer", width, bias=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: AttentionMask) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, mask)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class DecoderBlock(nn.Module):
    """As the encoder's, with norm(x + cross_attention(x, memory)) in between; (B, T, D)."""

    def __init__(self, width: int, num_heads: int, ff_width: int, dropout: float) -> None:
        super().__init__()
        head_width = head_width_of(width, num_heads)
        sizes = (width, num_heads, num_heads, head_width)
        self.attention = SelfAttention(*sizes, bias=True, dropout=dropout)
        self.attention_norm = make_norm("layer", width, bias=True)
        self.cross_attention = CrossAttention(
            width, num_heads, head_width, bias=True, dropout=dropout
        )
        self.cross_attention_norm = make_norm("layer", width, bias=True)
        self.feed_forward = FEED_FORWARD["gelu_exact"](width, ff_width, bias=True, dropout=dropout)
        self.feed_forward_norm = make_norm("layer", width, bias=True)
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
        x = self.attention_norm(x + self.dropout(self.attention(x, mask, None, own)))
        read = self.cross_attention(x, memory, memory_mask, cache)
        x = self.cross_attention_norm(x + self.dropout(read))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


# Rows that a table of positions has before the first position: BART counts on from its padding id.
POSITION_OFFSET = 2


class Stack(nn.Module):
    """A table of positions, the norm of the summed embeddings, and the blocks."""

    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {"position_embedding": ("length", "embed")}

    def __init__(self, blocks: Sequence[nn.Module], max_seq_len: int, width: int) -> None:
        super().__init__()
        self.position_embedding = nn.Embedding(max_seq_len + POSITION_OFFSET, width)
        self.embedding_norm = make_norm("layer", width, bias=True)
        self.blocks = nn.ModuleList(blocks)


class BART(nn.Module):
    """Source (B, S) and target tokens (B, T) in, hidden states (B, T, D) out.

    `unembed` turns those into logits (B, T, V). One table of embeddings serves the source, the
    target and the unembedding, whose bias stays as it is loaded (0 at first) and does not train.
    Mask: source_mask (B, S) bool or None, True: a real token; a row must have one.
    Raises: ValueError for sizes that do not divide and for sequences beyond `max_seq_len`.
    Source: Lewis et al. 2020 section 2.1, and fairseq's release.
    Differs: embeddings start at min(0.02, 0.25 / sqrt(D)), so that the first loss is ln V at every
    width; one dropout rate for residuals, attention and feed-forward layers.
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
        ff_width: int | None,
        max_seq_len: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.vocab_size, self.width, self.max_seq_len = vocab_size, width, max_seq_len
        self.num_layers, self.num_heads, self.cache_heads = num_layers, num_heads, num_heads
        self.head_width = head_width_of(width, num_heads)
        decoder_layers = num_layers if num_decoder_layers is None else num_decoder_layers
        sizes = (width, num_heads, ff_width or 4 * width, dropout)
        self.token_embedding = nn.Embedding(vocab_size, width)
        encoder = [EncoderBlock(*sizes) for _ in range(num_layers)]
        decoder = [DecoderBlock(*sizes) for _ in range(decoder_layers)]
        self.encoder = Stack(encoder, max_seq_len, width)
        self.decoder = Stack(decoder, max_seq_len, width)
        self.dropout = nn.Dropout(dropout)
        self.unembedding = Linear(width, vocab_size, bias=True)
        self.unembedding.weight = self.token_embedding.weight
        self.unembedding.bias.requires_grad_(False)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal 0.02 weights, zero biases."""
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
            elif name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.normal_(0.0, 0.02)
        self.token_embedding.weight.normal_(0.0, min(0.02, 0.25 / math.sqrt(self.width)))

    def _embed(self, stack: Stack, tokens: Tensor, seen: int) -> Tensor:
        start = seen + POSITION_OFFSET
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        summed = self.token_embedding(tokens) + stack.position_embedding(positions)
        return self.dropout(stack.embedding_norm(summed))

    def forward(self, source: Tensor, tokens: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Hidden states (B, T, D) of tokens (B, T), which see the source and what is before them."""
        return self._decode(tokens, self.encode(source, source_mask), source_mask, None)

    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """What the decoder reads: (B, S, D) of source (B, S)."""
        check_length(source.shape[1], self.max_seq_len, "source")
        x, mask = self._embed(self.encoder, source, 0), key_mask(source_mask)
        for block in self.encoder.blocks:
            x = block(x, mask)
        return x

    def _decode(
        self,
        tokens: Tensor,
        memory: Tensor,
        source_mask: Tensor | None,
        cache: DecoderCache | None,
    ) -> Tensor:
        seen = cache.length if cache else 0
        total = seen + tokens.shape[1]
        check_length(total, self.max_seq_len, "target")
        x, memory_mask = self._embed(self.decoder, tokens, seen), key_mask(source_mask)
        mask = causal_mask(tokens.shape[1], total, None, tokens.device)
        for layer, block in enumerate(self.decoder.blocks):
            x = block(x, mask, memory, memory_mask, cache.layers[layer] if cache else None)
        return x

    def start_decoding(
        self, memory: Tensor, source_mask: Tensor | None, max_len: int
    ) -> DecoderCache:
        """Room for `max_len` target tokens of each row of memory (B, S, D)."""
        shape = (self.cache_heads, min(max_len, self.max_seq_len), self.head_width)
        return new_decoder_cache(memory, source_mask, len(self.decoder.blocks), shape)

    def decode(self, tokens: Tensor, cache: DecoderCache) -> Tensor:
        """Hidden states (B, T, D) of T new tokens (B, T), after those that the cache has seen."""
        return self._decode(tokens, cache.memory, cache.memory_mask, cache)

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., D)."""
        return self.unembedding(hidden)

    def num_embedding_params(self) -> int:
        """Parameters of the token embedding, both tables of positions and the unembedding's bias."""
        tables = self.encoder.position_embedding, self.decoder.position_embedding
        return num_elements(self.token_embedding, self.unembedding, *tables)

    def flops_per_sequence(self, source_len: int, target_len: int, num_scored: float) -> float:
        """Of training: forward and backward, the unembedding for the scored tokens only."""
        stacks = self.encoder.blocks, self.decoder.blocks
        blocks = encoder_decoder_flops(*stacks, self.width, source_len, target_len)
        return blocks + 6.0 * self.unembedding.weight.numel() * num_scored
