"""Sampling from a decoder, one token at a time with a key-value cache."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def pick(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """One token a row of logits (B, V); temperature 0 takes the likeliest. Returns (B,)."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    probabilities = (logits.float() / temperature).softmax(dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(1)


@torch.no_grad()
def generate(
    arch: Any,
    tokens: Tensor,
    *,
    max_new_tokens: int,
    temperature: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue prompts (B, T), all of one length, by up to `max_new_tokens`: returns (B, new).

    Stops early where the architecture's longest sequence is reached.
    """
    room = min(max_new_tokens, arch.max_seq_len - tokens.shape[1])
    if room <= 0 or tokens.shape[1] == 0:
        return tokens.new_zeros(tokens.shape[0], 0)
    training = arch.training
    arch.eval()
    cache = arch.new_cache(tokens.shape[0], tokens.shape[1] + room)
    chosen, step = [], tokens
    try:
        for _ in range(room):
            logits = arch.unembed(arch(step, cache=cache)[:, -1])
            step = pick(logits, temperature, generator)[:, None]
            chosen.append(step)
    finally:
        arch.train(training)
    return torch.cat(chosen, dim=1)
