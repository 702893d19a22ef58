"""Continuing prompts of one length: the short way to text, for samples and chats."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmlab.rollout.pick import Sampling
from lmlab.rollout.sample import sample


def generate(
    arch: Any,
    tokens: Tensor,
    *,
    max_new_tokens: int,
    temperature: float,
    generator: torch.Generator | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    stop: tuple[int, ...] = (),
    pad: int = 0,
) -> Tensor:
    """Continue prompts (B, T), all of one length, by up to `max_new_tokens`: returns (B, new).

    Stops early where the architecture's longest sequence is reached; after a stop token a row is
    `pad`. The generator gives each row a seed; without one, torch's global generator does.
    """
    used = 0 if getattr(arch, "kind", "decoder") == "encoder_decoder" else tokens.shape[1]
    room = min(max_new_tokens, arch.max_seq_len - used)
    if room <= 0 or tokens.numel() == 0:
        return tokens.new_zeros(tokens.shape[0], 0)
    sampling = Sampling(
        max_new_tokens=room,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        repetition_penalty=repetition_penalty,
    )
    rollout = sample(
        arch,
        list(tokens),
        sampling=sampling,
        seeds=seeds_from(generator, len(tokens)),
        num_samples=1,
        stop=stop,
        pad=pad,
    )
    return rollout.response


def seeds_from(generator: torch.Generator | None, count: int) -> np.ndarray:
    """(count,) uint64 out of a generator of any device; None: torch's global one."""
    device = "cpu" if generator is None else generator.device
    numbers = torch.randint(2**62, (count,), generator=generator, device=device)
    return numbers.cpu().numpy().astype(np.uint64)
