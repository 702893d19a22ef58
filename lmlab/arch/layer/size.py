"""Sizes that must fit each other, parameters and arithmetic of an encoder-decoder."""

from __future__ import annotations

from torch import nn


def encoder_decoder_flops(
    encoder: nn.ModuleList,
    decoder: nn.ModuleList,
    inner_width: int,
    source_len: int,
    target_len: int,
) -> float:
    """Floating-point operations of training the blocks on one sequence, forward and backward.

    6 a matrix weight and token (cross-attention's keys and values read the source), and 12 a layer,
    inner channel and pair of tokens that attend; half of the decoder's own pairs are masked.
    Source: Chowdhery et al. 2022 (PaLM) appendix B, which counts the masked half too.
    """
    reading = sum(
        p.numel()
        for name, p in decoder.named_parameters()
        if name.endswith(("cross_attention.key.weight", "cross_attention.value.weight"))
    )
    writing = _matrices(decoder) - reading
    matrices = (_matrices(encoder) + reading) * source_len + writing * target_len
    pairs = len(encoder) * source_len**2 + len(decoder) * target_len * (target_len / 2 + source_len)
    return 6.0 * matrices + 12.0 * inner_width * pairs


def _matrices(blocks: nn.ModuleList) -> int:
    return sum(p.numel() for p in blocks.parameters() if p.dim() == 2)


def check_length(length: int, max_seq_len: int, what: str) -> None:
    """Raises: ValueError for a source or target that is too long."""
    if length > max_seq_len:
        raise ValueError(
            f"a {what} of {length} tokens is longer than arch.max_seq_len={max_seq_len}"
        )


def head_width_of(width: int, num_heads: int) -> int:
    """The width divided among the heads. Raises: ValueError where it does not divide."""
    if width % num_heads:
        raise ValueError(f"arch.width={width} is not a multiple of arch.num_heads={num_heads}")
    return width // num_heads


def num_elements(*modules: nn.Module) -> int:
    """Parameters of all modules, shared ones once."""
    found = {id(p): p for module in modules for p in module.parameters()}
    return sum(p.numel() for p in found.values())
