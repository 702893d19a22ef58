"""The reward of a learned model: a number read from the hidden state of the last token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lmlab.rollout.teacher_forced import final_hidden


def model_rewards(
    arch: Any,
    head: Callable[[Tensor], Tensor],
    prompt: Tensor,
    prompt_mask: Tensor,
    response: Tensor,
    mask: Tensor,
    *,
    pad: int,
    source_end: int | None = None,
    micro_rows: int | None = None,
) -> Tensor:
    """Rewards (R,) fp32 of responses (R, T) to prompts (R, S), with gradients where enabled.

    head: hidden (n, D) to (n, 1) or (n,). A response ends in its own last token, so a model trained
    on responses that end in a stop token should be given them with it. pad, source_end: as in
    `teacher_forced`.
    Raises: ValueError for what is longer than the model takes; nothing is cut.
    """
    longest = int((prompt_mask.sum(dim=1) + mask.sum(dim=1)).max())
    if arch.kind != "encoder_decoder" and longest > arch.max_seq_len:
        raise ValueError(
            f"prompt and response of {longest} tokens are longer than the reward model takes "
            f"(arch.max_seq_len={arch.max_seq_len}); shorten data.seq_len or max_new_tokens"
        )
    size = micro_rows or len(prompt)
    parts = []
    for begin in range(0, len(prompt), size):
        rows = slice(begin, begin + size)
        inputs = (prompt[rows], prompt_mask[rows], response[rows], mask[rows])
        parts.append(
            head(final_hidden(arch, *inputs, pad=pad, source_end=source_end)).float().reshape(-1)
        )
    return torch.cat(parts)
