"""Floating-point operations of training, by component."""

from __future__ import annotations

from typing import Literal

from lmlab.scaling.plan.shape import Shape

Checkpointing = Literal["none", "blocks"]


def forward_flops(
    shape: Shape, seq_len: int, *, scored: float = 1.0, halve_causal: bool = True
) -> dict[str, float]:
    """Forward operations a token by component: 2 a matrix weight, 4 T width an attention.

    seq_len: tokens of a sequence (of both sequences, for an encoder and a decoder: a token then
    is one of each); scored: the fraction of tokens that are unembedded, 0..1; halve_causal: count
    only what the causal mask leaves, as lmlab's architectures do; False counts what a kernel
    without that knowledge, the PaLM formula, and torch's FlopCounterMode count.
    Source: Chowdhery et al. 2022 (PaLM) appendix B; row S1-08.
    """
    causal = shape.num_layers * (0.5 if shape.causal and halve_causal else 1.0)
    full = shape.num_attentions - shape.num_layers
    return {
        "attention projections": 2.0 * shape.num_attentions * shape.attention_weights,
        "attention scores": 4.0 * (causal + full) * shape.query_width * seq_len,
        "feed-forward": 2.0 * shape.num_blocks * shape.feed_forward_weights,
        "unembedding": 2.0 * shape.vocab_size * shape.width * scored,
    }


def training_flops(
    shape: Shape,
    seq_len: int,
    *,
    scored: float = 1.0,
    halve_causal: bool = True,
    checkpointing: Checkpointing = "none",
) -> float:
    """Operations of training a token: forward, backward (twice that), and blocks done again.

    Work done again under activation checkpointing is real but not useful: a utilisation counted
    with it is hardware utilisation, without it model utilisation.
    """
    parts = forward_flops(shape, seq_len, scored=scored, halve_causal=halve_causal)
    again = sum(parts.values()) - parts["unembedding"] if checkpointing == "blocks" else 0.0
    return 3.0 * sum(parts.values()) + again


def layer_share(shape: Shape, seq_len: int) -> float:
    """The fraction of the arithmetic that is in the transformer layers, 0..1. Source: row S1-08."""
    parts = forward_flops(shape, seq_len)
    return 1.0 - parts["unembedding"] / sum(parts.values())
