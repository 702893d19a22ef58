"""Floating-point operations of training, by component."""

from __future__ import annotations

from typing import Literal

from lmlab.scaling.plan.shape import Shape

Checkpointing = Literal["none", "blocks"]


def sequence_flops(
    shape: Shape, source_len: int, target_len: int, num_scored: float, *, halve_causal: bool = True
) -> dict[str, float]:
    """Forward operations of one sequence by component: 2 a matrix weight, 4 a pair that attends.

    source_len: tokens that an encoder reads beside the decoder's target_len (without one both go
    through the only stack); num_scored: tokens that are unembedded; halve_causal: count only what
    the causal mask leaves, as lmlab's architectures do; False counts what a kernel without that
    knowledge, the PaLM formula, and torch's FlopCounterMode count.
    Source: Chowdhery et al. 2022 (PaLM) appendix B; row S1-08.
    """
    if shape.num_encoder_layers == 0:
        source_len, target_len = 0, source_len + target_len
    source = float(shape.num_encoder_layers * source_len)  # tokens through a block of each kind
    target = float(shape.num_layers * target_len)
    masked = 0.5 if shape.causal and halve_causal else 1.0
    pairs = source * source_len + target * target_len * masked
    projections = (source + target) * shape.attention_weights
    if shape.num_encoder_layers:  # queries and outputs of the target, keys and values of the source
        pairs += target * source_len
        reading = float(shape.num_layers * source_len)
        projections += 2.0 * shape.width * (target * shape.query_width + reading * shape.kv_width)
    return {
        "attention projections": 2.0 * projections,
        "attention scores": 4.0 * pairs * shape.query_width,
        "feed-forward": 2.0 * (source + target) * shape.feed_forward_weights,
        "unembedding": 2.0 * shape.vocab_size * shape.width * num_scored,
    }


def forward_flops(
    shape: Shape, seq_len: int, *, scored: float = 1.0, halve_causal: bool = True
) -> dict[str, float]:
    """Forward operations a token by component, of a sequence of seq_len.

    For an encoder and a decoder both sequences are that long, and a token is one of each; scored:
    the fraction of tokens that are unembedded, 0..1.
    """
    source_len = seq_len if shape.num_encoder_layers else 0
    parts = sequence_flops(shape, source_len, seq_len, scored * seq_len, halve_causal=halve_causal)
    return {name: flops / seq_len for name, flops in parts.items()}


def trained(forward: dict[str, float], checkpointing: Checkpointing = "none") -> float:
    """Operations of training where the forward pass takes `forward`, by component.

    Work done again under activation checkpointing is real but not useful: a utilisation counted
    with it is hardware utilisation, without it model utilisation.
    """
    total = sum(forward.values())
    again = total - forward["unembedding"] if checkpointing == "blocks" else 0.0
    return 3.0 * total + again
