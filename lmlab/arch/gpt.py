"""GPT: the decoder-only, pre-norm transformer of GPT-2 and GPT-3, with today's common choices as keys."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from lmlab.arch.layer.attention import LayerCache, SelfAttention, new_cache
from lmlab.arch.layer.feed_forward import FEED_FORWARD
from lmlab.arch.layer.mask import AttentionMask, causal_mask
from lmlab.arch.layer.norm import make_norm
from lmlab.arch.layer.position import SinusoidalPosition, rotary_angles
from lmlab.product import Linear


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)); (B, T, D) to (B, T, D)."""

    def __init__(
        self,
        width: int,
        attention: SelfAttention,
        feed_forward: nn.Module,
        norms: tuple[nn.Module, nn.Module],
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention_norm, self.feed_forward_norm = norms
        self.attention, self.feed_forward = attention, feed_forward
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: AttentionMask,
        angles: tuple[Tensor, Tensor] | None,
        cache: LayerCache | None,
    ) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), mask, angles, cache))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class GPT(nn.Module):
    """Tokens (B, T) in, hidden states (B, T, D) out; `unembed` turns those into logits (B, T, V).

    Raises: ValueError for sizes that do not divide and for sequences beyond `max_seq_len`.
    Source: Radford et al. 2018 and 2019, Brown et al. 2020; rows S3-21, S3-22, S3-51, S4-09.
    Differs: `output` projections start at 0.02 / sqrt(2 L) as in GPT-2; the tied embedding starts
    at min(0.02, 0.25 / sqrt(D)), so that the first loss is ln V at every width.
    """

    kind: ClassVar[str] = "decoder"
    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {
        "token_embedding": ("vocab", "embed"),
        "position_embedding": ("length", "embed"),
        "unembedding": ("vocab", "embed"),
    }
    splits: ClassVar[tuple[str, ...]] = ("vocab",)
    uneven: ClassVar[tuple[str, ...]] = ("vocab",)
    only_with: ClassVar[dict[str, dict[str, tuple[str, ...]]]] = {
        "rope_base": {"position": ("rotary",)}
    }

    def __init__(
        self,
        *,
        vocab_size: int,
        num_layers: int,
        width: int,
        num_heads: int,
        num_kv_heads: int | None,
        ff_width: int | None,
        max_seq_len: int,
        norm: Literal["layer", "rms"],
        position: Literal["learned", "sinusoidal", "rotary", "none"],
        rope_base: float | None,
        feed_forward: Literal["gelu", "swiglu"],
        tied_embeddings: bool,
        bias: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        if width % num_heads:
            raise ValueError(f"arch.width={width} is not a multiple of arch.num_heads={num_heads}")
        kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        if num_heads % kv_heads:
            raise ValueError(
                f"arch.num_heads={num_heads} is not a multiple of arch.num_kv_heads={kv_heads}"
            )
        head_width = width // num_heads
        if position == "rotary" and head_width % 2:
            raise ValueError(f"arch.position=rotary needs an even head width, not {head_width}")
        self.vocab_size, self.width, self.max_seq_len = vocab_size, width, max_seq_len
        self.num_layers, self.num_kv_heads, self.head_width = num_layers, kv_heads, head_width
        self.cache_heads = kv_heads
        self.position, self.rope_base = position, 10000.0 if rope_base is None else rope_base
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = self._position_table(position)
        self.dropout = nn.Dropout(dropout)
        ff = FEED_FORWARD[feed_forward]
        self.blocks = nn.ModuleList(
            Block(
                width,
                SelfAttention(width, num_heads, kv_heads, head_width, bias=bias, dropout=dropout),
                ff(width, ff_width or 4 * width, bias=bias),
                (make_norm(norm, width, bias=bias), make_norm(norm, width, bias=bias)),
                dropout,
            )
            for _ in range(num_layers)
        )
        self.final_norm = make_norm(norm, width, bias=bias)
        self.unembedding = Linear(width, vocab_size, bias=False)
        if tied_embeddings:
            self.unembedding.weight = self.token_embedding.weight
        self.reset_parameters()

    def _position_table(self, position: str) -> nn.Module | None:
        if position == "learned":
            return nn.Embedding(self.max_seq_len, self.width)
        if position == "sinusoidal":
            return SinusoidalPosition(self.max_seq_len, self.width)
        return None

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal 0.02 weights, zero biases, residual outputs scaled by 1 / sqrt(2 L)."""
        residual = 0.02 / math.sqrt(2 * self.num_layers)
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
            elif name.endswith("bias"):
                parameter.zero_()
            elif name.endswith(("attention.output.weight", "feed_forward.down.weight")):
                parameter.normal_(0.0, residual)
            else:
                parameter.normal_(0.0, 0.02)
        self.unembedding.weight.normal_(0.0, min(0.02, 0.25 / math.sqrt(self.width)))

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        documents: Tensor | None = None,
        prefix: Tensor | None = None,
        cache: list[LayerCache] | None = None,
    ) -> Tensor:
        """Hidden states (B, T, D) of tokens (B, T); with a cache, T counts the new tokens only.

        Rows with positions of their own may be longer than max_seq_len; positions may not.
        With a cache, documents and prefix are those of all tokens so far, (B, seen + T).
        """
        seen = cache[0].length if cache else 0
        total = seen + tokens.shape[1]
        if positions is None and total > self.max_seq_len:
            raise ValueError(
                f"a sequence of {total} tokens is longer than arch.max_seq_len={self.max_seq_len}"
            )
        if positions is None:
            positions = torch.arange(seen, total, device=tokens.device)
        x = self.token_embedding(tokens)
        if self.position_embedding is not None:
            x = x + self.position_embedding(positions)
        angles = self._angles(positions)
        mask = causal_mask(tokens.shape[1], total, documents, tokens.device, prefix)
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, mask, angles, cache[layer] if cache else None)
        return self.final_norm(x)

    def _angles(self, positions: Tensor) -> tuple[Tensor, Tensor] | None:
        if self.position != "rotary":
            return None
        if positions.dim() == 2:
            positions = positions[:, None]
        return rotary_angles(positions, self.head_width, self.rope_base)

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., D)."""
        return self.unembedding(hidden)

    def new_cache(self, batch_size: int, max_len: int) -> list[LayerCache]:
        """Room for `max_len` tokens of `batch_size` sequences, for incremental decoding."""
        weight = self.token_embedding.weight
        shape = (batch_size, self.cache_heads, min(max_len, self.max_seq_len), self.head_width)
        return new_cache(self.num_layers, shape, weight.device, weight.dtype)

    def num_embedding_params(self) -> int:
        """Parameters of the token and position embeddings and of an untied unembedding."""
        tables = {id(p): p for p in self.token_embedding.parameters()}
        tables |= {id(p): p for p in self.unembedding.parameters()}
        if self.position_embedding is not None:
            tables |= {id(p): p for p in self.position_embedding.parameters()}
        return sum(p.numel() for p in tables.values())

    def flops_per_sequence(self, source_len: int, target_len: int, num_scored: float) -> float:
        """Floating-point operations of training on one sequence: forward, and twice that backward.

        6 a matrix weight and token (the unembedding only for scored tokens, look-ups and norms not),
        and attention's two products over the T / 2 tokens a causal mask leaves on average: 6 L D T.
        Source: Chowdhery et al. 2022 (PaLM) appendix B, which counts the masked half too.
        """
        length = source_len + target_len
        matrices = sum(p.numel() for p in self.blocks.parameters() if p.dim() == 2)
        mixing = 6.0 * self.num_layers * self.width * length
        return (
            6.0 * matrices + mixing
        ) * length + 6.0 * self.unembedding.weight.numel() * num_scored
