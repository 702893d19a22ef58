"""Llama: a decoder with RMS norms, rotary positions, SwiGLU and grouped queries, and no biases."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from lmlab.arch.layer.attention import LayerCache, SelfAttention, new_cache
from lmlab.arch.layer.feed_forward import FEED_FORWARD
from lmlab.arch.layer.mask import AttentionMask, causal_mask
from lmlab.arch.layer.norm import make_norm
from lmlab.arch.layer.position import rotary_angles, rotary_rates, stretched_rates
from lmlab.arch.layer.size import check_length, head_width_of, num_elements
from lmlab.product import Linear

# A feed-forward width that is not given is rounded up to a multiple of this, as Llama 1 and 2 do.
MULTIPLE_OF = 256


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)); (B, T, D) to (B, T, D)."""

    def __init__(
        self, width: int, attention: SelfAttention, feed_forward: nn.Module, norm_eps: float
    ) -> None:
        super().__init__()
        self.attention_norm = make_norm("rms", width, bias=False, eps=norm_eps)
        self.attention = attention
        self.feed_forward_norm = make_norm("rms", width, bias=False, eps=norm_eps)
        self.feed_forward = feed_forward

    def forward(
        self,
        x: Tensor,
        mask: AttentionMask,
        angles: tuple[Tensor, Tensor],
        cache: LayerCache | None,
    ) -> Tensor:
        x = x + self.attention(self.attention_norm(x), mask, angles, cache)
        return x + self.feed_forward(self.feed_forward_norm(x))


class Llama(nn.Module):
    """Tokens (B, T) in, hidden states (B, T, D) out; `unembed` turns those into logits (B, T, V).

    Raises: ValueError for sizes that do not divide, for some of the four rope_ keys of long
    sequences without the others, and for sequences beyond `max_seq_len`.
    Source: Touvron et al. 2023 (arXiv 2302.13971, 2307.09288); Llama 3 (arXiv 2407.21783).
    Differs: `output` projections start at 0.02 / sqrt(2 L), a tied embedding at
    min(0.02, 0.25 / sqrt(D)), so that the first loss is ln V at every width.
    """

    kind: ClassVar[str] = "decoder"
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
        width: int,
        num_heads: int,
        num_kv_heads: int | None,
        head_width: int | None,
        ff_width: int | None,
        max_seq_len: int,
        rope_base: float,
        rope_factor: float | None,
        rope_low_freq: float | None,
        rope_high_freq: float | None,
        rope_original_len: int | None,
        norm_eps: float,
        tied_embeddings: bool,
    ) -> None:
        super().__init__()
        kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        if num_heads % kv_heads:
            raise ValueError(
                f"arch.num_heads={num_heads} is not a multiple of arch.num_kv_heads={kv_heads}"
            )
        self.head_width = head_width_of(width, num_heads) if head_width is None else head_width
        if self.head_width % 2:
            raise ValueError(f"rotary positions need an even head width, not {self.head_width}")
        self.stretch = _stretch(rope_factor, rope_low_freq, rope_high_freq, rope_original_len)
        self.vocab_size, self.width, self.max_seq_len = vocab_size, width, max_seq_len
        self.num_layers, self.num_heads, self.num_kv_heads = num_layers, num_heads, kv_heads
        self.cache_heads = kv_heads
        self.rope_base = rope_base
        self.token_embedding = nn.Embedding(vocab_size, width)
        ff_width = feed_forward_width(width) if ff_width is None else ff_width
        heads = (num_heads, kv_heads, self.head_width)
        self.blocks = nn.ModuleList(
            Block(
                width,
                SelfAttention(width, *heads, bias=False, dropout=0.0),
                FEED_FORWARD["swiglu"](width, ff_width, bias=False),
                norm_eps,
            )
            for _ in range(num_layers)
        )
        self.final_norm = make_norm("rms", width, bias=False, eps=norm_eps)
        self.unembedding = Linear(width, vocab_size, bias=False)
        if tied_embeddings:
            self.unembedding.weight = self.token_embedding.weight
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal 0.02 weights, residual outputs scaled by 1 / sqrt(2 L)."""
        residual = 0.02 / math.sqrt(2 * self.num_layers)
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
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
        if positions is None:
            check_length(total, self.max_seq_len, "sequence")
            positions = torch.arange(seen, total, device=tokens.device)
        angles = self._angles(positions)
        mask = causal_mask(tokens.shape[1], total, documents, tokens.device, prefix)
        x = self.token_embedding(tokens)
        for layer, block in enumerate(self.blocks):
            x = block(x, mask, angles, cache[layer] if cache else None)
        return self.final_norm(x)

    def _angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        rates = rotary_rates(self.head_width, self.rope_base, positions.device)
        if self.stretch is not None:
            rates = stretched_rates(rates, *self.stretch)
        if positions.dim() == 2:
            positions = positions[:, None]
        return rotary_angles(positions, self.head_width, self.rope_base, rates)

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., D)."""
        return self.unembedding(hidden)

    def new_cache(self, batch_size: int, max_len: int) -> list[LayerCache]:
        """Room for `max_len` tokens of `batch_size` sequences, for incremental decoding."""
        weight = self.token_embedding.weight
        shape = (batch_size, self.cache_heads, min(max_len, self.max_seq_len), self.head_width)
        return new_cache(self.num_layers, shape, weight.device, weight.dtype)

    def num_embedding_params(self) -> int:
        """Parameters of the token embedding and of an untied unembedding."""
        return num_elements(self.token_embedding, self.unembedding)

    def flops_per_sequence(self, source_len: int, target_len: int, num_scored: float) -> float:
        """Floating-point operations of training on one sequence: forward, and twice that backward.

        6 a matrix weight and token (the unembedding only for scored tokens, look-ups and norms not),
        and attention's two products over the T / 2 tokens a causal mask leaves on average.
        Source: Chowdhery et al. 2022 (PaLM) appendix B, which counts the masked half too.
        """
        length = source_len + target_len
        matrices = sum(p.numel() for p in self.blocks.parameters() if p.dim() == 2)
        mixing = 6.0 * self.num_layers * self.num_heads * self.head_width * length
        inner = (6.0 * matrices + mixing) * length
        return inner + 6.0 * self.unembedding.weight.numel() * num_scored


def feed_forward_width(width: int) -> int:
    """8/3 of the width, so that three matrices weigh what two of 4 x width do, rounded up."""
    return -(-8 * width // (3 * MULTIPLE_OF)) * MULTIPLE_OF


def _stretch(
    factor: float | None, low: float | None, high: float | None, original_len: int | None
) -> tuple[float, float, float, float] | None:
    if factor is None and low is None and high is None and original_len is None:
        return None
    if factor is None or low is None or high is None or original_len is None:
        given = {"factor": factor, "low_freq": low, "high_freq": high, "original_len": original_len}
        missing = ", ".join(f"arch.rope_{name}" for name, value in given.items() if value is None)
        raise ValueError(f"the rope_ keys for long sequences go together; set {missing} too")
    if not 0 < low < high:
        raise ValueError(f"arch.rope_low_freq={low} must be above 0, below rope_high_freq={high}")
    return factor, low, high, original_len
