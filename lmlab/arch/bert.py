"""BERT: an encoder of post-norm blocks, with the heads it was pretrained with."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmlab.arch.layer.attention import SelfAttention
from lmlab.arch.layer.feed_forward import FEED_FORWARD
from lmlab.arch.layer.mask import AttentionMask, full_mask
from lmlab.arch.layer.norm import make_norm
from lmlab.arch.layer.size import check_length, head_width_of, num_elements
from lmlab.product import Linear


class Block(nn.Module):
    """norm(x + attention(x)), then norm(x + feed_forward(x)); (B, T, D) to (B, T, D)."""

    def __init__(
        self, width: int, num_heads: int, ff_width: int, norm_eps: float, dropout: float
    ) -> None:
        super().__init__()
        sizes = (width, num_heads, num_heads, head_width_of(width, num_heads))
        self.attention = SelfAttention(*sizes, bias=True, dropout=dropout)
        self.attention_norm = make_norm("layer", width, bias=True, eps=norm_eps)
        self.feed_forward = FEED_FORWARD["gelu_exact"](width, ff_width, bias=True)
        self.feed_forward_norm = make_norm("layer", width, bias=True, eps=norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: AttentionMask) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, mask)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class Transform(nn.Module):
    """norm(gelu(dense(x))), (..., D) to (..., D): what stands before the unembedding."""

    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {"dense": (None, "embed")}

    def __init__(self, width: int, norm_eps: float) -> None:
        super().__init__()
        self.dense = Linear(width, width)
        self.norm = make_norm("layer", width, bias=True, eps=norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.norm(F.gelu(self.dense(hidden)))


class BERT(nn.Module):
    """Tokens (B, T) in, hidden states (B, T, D) out; every token sees every token.

    `unembed` turns hidden states into logits (B, T, V): a transform, the token embedding, a bias.
    With `pooler`, `pool` gives (B, D) of the first token and `next_sentence` logits (B, 2): the
    second segment follows the first, or does not.
    Mask: documents (B, T) keep attention among equal numbers; padding has a number of its own.
    Raises: ValueError for sizes that do not divide and for sequences beyond `max_seq_len`.
    Source: Devlin et al. 2018 section 3, appendix A.2; rows S3-28 to S3-31, S4-01, S4-16. RoBERTa:
    Liu et al. 2019.
    Differs: embeddings start at min(0.02, 0.25 / sqrt(D)), so that the first loss is ln V at every
    width.
    """

    kind: ClassVar[str] = "encoder"
    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {
        "token_embedding": ("vocab", "embed"),
        "position_embedding": ("length", "embed"),
        "segment_embedding": (None, "embed"),
        "unembedding": ("vocab", "embed"),
        "pooler": (None, "embed"),
        "next_sentence_head": (None, "embed"),
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
        ff_width: int | None,
        max_seq_len: int,
        position_offset: int,
        num_segments: int,
        norm_eps: float,
        pooler: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        if num_segments < 1:
            raise ValueError(
                f"arch.num_segments={num_segments} must be 1 (none told apart) or more"
            )
        self.vocab_size, self.width, self.max_seq_len = vocab_size, width, max_seq_len
        self.num_layers, self.num_segments = num_layers, num_segments
        self.position_offset = position_offset
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(max_seq_len + position_offset, width)
        self.segment_embedding = nn.Embedding(num_segments, width)
        self.embedding_norm = make_norm("layer", width, bias=True, eps=norm_eps)
        self.dropout = nn.Dropout(dropout)
        sizes = (width, num_heads, ff_width or 4 * width, norm_eps, dropout)
        self.blocks = nn.ModuleList(Block(*sizes) for _ in range(num_layers))
        self.transform = Transform(width, norm_eps)
        self.unembedding = Linear(width, vocab_size, bias=True)
        self.unembedding.weight = self.token_embedding.weight
        self.pooler = Linear(width, width) if pooler else None
        self.next_sentence_head = Linear(width, 2) if pooler else None
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

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        documents: Tensor | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """Hidden states (B, T, D) of tokens (B, T).

        segments (B, T): which segment a token is of; None: all of the first. An architecture of one
        segment takes no notice of them, as RoBERTa does.
        """
        check_length(tokens.shape[1], self.max_seq_len, "sequence")
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
        if segments is None or self.num_segments == 1:
            segments = torch.zeros_like(positions)
        x = self.token_embedding(tokens) + self.segment_embedding(segments)
        x = x + self.position_embedding(positions + self.position_offset)
        x, mask = self.dropout(self.embedding_norm(x)), full_mask(documents)
        for block in self.blocks:
            x = block(x, mask)
        return x

    def readout(self, hidden: Tensor) -> Tensor:
        """What the unembedding is applied to: (..., D) of hidden states (..., D)."""
        return self.transform(hidden)

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., D)."""
        return self.unembedding(self.readout(hidden))

    def pool(self, hidden: Tensor) -> Tensor:
        """A vector a row, (B, D), of hidden states (B, T, D): tanh(dense(the first token's))."""
        if self.pooler is None:
            raise ValueError("arch.pooler=false: this architecture has no pooler; set it to true")
        return torch.tanh(self.pooler(hidden[:, 0]))

    def next_sentence(self, hidden: Tensor) -> Tensor:
        """Logits (B, 2) of hidden states (B, T, D): 0, the second segment follows; 1, it does not."""
        if self.next_sentence_head is None:
            raise ValueError(
                "arch.pooler=false: this architecture has no next-sentence head; set "
                "arch.pooler=true, or objective=mlm"
            )
        return self.next_sentence_head(self.dropout(self.pool(hidden)))

    def freeze_unused(self, uses: tuple[str, ...]) -> None:
        """Keep what gets no gradient out of training: the heads that are not in `uses`.

        uses: "pooler", "next_sentence" (which needs the pooler too).
        """
        if self.pooler is not None and self.next_sentence_head is not None:
            self.pooler.requires_grad_(bool({"pooler", "next_sentence"} & set(uses)))
            self.next_sentence_head.requires_grad_("next_sentence" in uses)

    def num_embedding_params(self) -> int:
        """Parameters of the three embeddings and of the unembedding's bias."""
        tables = self.token_embedding, self.position_embedding, self.segment_embedding
        return num_elements(*tables, self.unembedding)

    def flops_per_sequence(self, source_len: int, target_len: int, num_scored: float) -> float:
        """Floating-point operations of training on one sequence: forward, and twice that backward.

        6 a matrix weight and token (transform and unembedding only for scored tokens), and 12 a
        layer, channel and pair of tokens. The pooler, one token a row, is left out.
        Source: Chowdhery et al. 2022 (PaLM) appendix B.
        """
        length = source_len + target_len
        matrices = sum(p.numel() for p in self.blocks.parameters() if p.dim() == 2)
        mixing = 12.0 * self.num_layers * self.width * length
        head = self.unembedding.weight.numel() + self.transform.dense.weight.numel()
        return (6.0 * matrices + mixing) * length + 6.0 * head * num_scored
