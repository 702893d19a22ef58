"""Drawing responses to prompts: one prefill a prompt, G samples of it, finished rows leave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmlab.rollout.decoding import Decoding, start
from lmlab.rollout.packed import packed
from lmlab.rollout.pick import Picked, Sampling, pick, uniforms
from lmlab.rollout.rollout import Rollout, pad_left, sees_prompt

# Rows leave the batch when this share of it has finished: each time the cache is copied.
LEAVE_SHARE = 0.25


@torch.no_grad()
def sample(
    arch: Any,
    prompts: list[Tensor],
    *,
    sampling: Sampling,
    seeds: np.ndarray,
    num_samples: int,
    stop: tuple[int, ...],
    pad: int,
    source_end: int | None = None,
    prefix_attention: bool | None = None,
    log_probs: bool = False,
) -> Rollout:
    """Draw `num_samples` responses to each prompt (1-D, int64, on the architecture's device).

    seeds (B,) uint64, one a prompt: the only randomness. A row's draws are a function of its
    prompt's seed, its sample and its token, so they do not depend on the other rows (their logits
    may differ in the last bits, because matrix products of other sizes round differently).
    stop: tokens that end a response, kept as its last; pad: fills rows, and starts an
    encoder-decoder; source_end: the token that its encoder reads behind a prompt, None where the
    prompts have it. prefix_attention: a prompt's tokens all see one another (prefix-LM decoders);
    None: as the weights learned it. log_probs: keep how likely the tokens were.
    Raises: ValueError for empty prompts, and for a prompt that leaves no room for the response.
    """
    check(arch, prompts, seeds, num_samples, sampling.max_new_tokens, source_end)
    prefix = sees_prompt(arch) if prefix_attention is None else prefix_attention
    prompt, prompt_mask = pad_left(prompts, pad)
    rows = torch.arange(len(prompts), device=prompt.device).repeat_interleave(num_samples)
    numbers = uniforms(seeds, num_samples, sampling.max_new_tokens).to(rows.device)
    seen = None
    if sampling.repetition_penalty != 1:
        seen = seen_tokens(prompt, prompt_mask, arch.vocab_size)[rows]
    page = Page(len(rows), sampling.max_new_tokens, pad, rows.device, log_probs)
    with evaluating(arch), packed(arch, sampling.max_new_tokens):
        decoding = start(arch, prompts, sampling.max_new_tokens, pad, prefix, source_end)
        if num_samples > 1:
            decoding.select(rows)
        write(arch, decoding, page, numbers, sampling, stop, seen)
    return page.rollout(prompt[rows], prompt_mask[rows], rows)


def write(
    arch: Any,
    decoding: Decoding,
    page: Page,
    numbers: Tensor,
    sampling: Sampling,
    stop: tuple[int, ...],
    seen: Tensor | None,
) -> None:
    """Fill the page token by token; numbers (R, T) in [0, 1) decide, seen (R, V) is kept up."""
    ends = torch.tensor(stop, dtype=torch.int64, device=numbers.device)
    rows = torch.arange(len(numbers), device=numbers.device)  # of the page, in the decoding's order
    live = torch.ones_like(rows, dtype=torch.bool)
    for index in range(sampling.max_new_tokens):
        logits = arch.unembed(decoding.hidden)
        picked = pick(logits, numbers[rows, index], sampling, seen, page.log_probs is not None)
        page.put(rows, index, live, picked)
        if len(stop):
            ended = live & torch.isin(picked.tokens, ends)
            page.finished[rows] |= ended
            live = live & ~ended
            num_live = int(live.sum())
            if num_live == 0:
                break
        if index + 1 == sampling.max_new_tokens:
            break
        tokens = picked.tokens
        if seen is not None:
            seen.scatter_(1, tokens[:, None], True)
        if len(stop) and num_live <= (1 - LEAVE_SHARE) * len(rows):
            stay = live.nonzero().squeeze(1)
            decoding.select(stay)
            rows, live, tokens = rows[stay], live[stay], tokens[stay]
            seen = None if seen is None else seen[stay]
        decoding.step(tokens)


class Page:
    """The responses while they are written: tensors (R, T) for the longest there may be."""

    def __init__(
        self, num_rows: int, num_tokens: int, pad: int, device: torch.device, log_probs: bool
    ) -> None:
        shape = (num_rows, num_tokens)
        self.response = torch.full(shape, pad, dtype=torch.int64, device=device)
        self.mask = torch.zeros(shape, dtype=torch.bool, device=device)
        self.log_probs = torch.zeros(shape, device=device) if log_probs else None
        self.sampling_log_probs = torch.zeros(shape, device=device) if log_probs else None
        self.finished = torch.zeros(num_rows, dtype=torch.bool, device=device)
        self.pad = pad

    def put(self, rows: Tensor, index: int, live: Tensor, picked: Picked) -> None:
        """Column `index` of the rows (n,) that are live."""
        self.response[rows, index] = torch.where(live, picked.tokens, self.pad)
        self.mask[rows, index] = live
        if self.log_probs is not None and self.sampling_log_probs is not None:
            self.log_probs[rows, index] = picked.log_probs * live
            self.sampling_log_probs[rows, index] = picked.sampling_log_probs * live

    def rollout(self, prompt: Tensor, prompt_mask: Tensor, group: Tensor) -> Rollout:
        """What was written, up to the longest response."""
        width = int(self.mask.sum(dim=1).max())
        return Rollout(
            prompt=prompt,
            prompt_mask=prompt_mask,
            response=self.response[:, :width],
            mask=self.mask[:, :width],
            finished=self.finished,
            group=group,
            log_probs=None if self.log_probs is None else self.log_probs[:, :width],
            sampling_log_probs=(
                None if self.sampling_log_probs is None else self.sampling_log_probs[:, :width]
            ),
        )


def check(
    arch: Any,
    prompts: list[Tensor],
    seeds: np.ndarray,
    num_samples: int,
    num_tokens: int,
    source_end: int | None = None,
) -> None:
    """Raises: ValueError for what cannot be sampled."""
    if not prompts or num_samples < 1:
        raise ValueError(f"{len(prompts)} prompts with {num_samples} samples each: nothing to draw")
    if len(seeds) != len(prompts):
        raise ValueError(f"{len(prompts)} prompts need as many seeds, got {len(seeds)}")
    empty = [index for index, tokens in enumerate(prompts) if len(tokens) == 0]
    if empty:
        raise ValueError(f"prompts {empty[:5]} have no tokens; begin them with eos")
    longest = max(len(tokens) for tokens in prompts)
    separate = getattr(arch, "kind", None) == "encoder_decoder"
    source = longest + (source_end is not None)
    needed = max(source, num_tokens) if separate else longest + num_tokens
    if needed > arch.max_seq_len:
        raise ValueError(
            f"a prompt of {longest} tokens and max_new_tokens={num_tokens} do not fit "
            f"arch.max_seq_len={arch.max_seq_len}; shorten either, or leave long prompts out"
        )


def seen_tokens(prompt: Tensor, mask: Tensor, vocab_size: int) -> Tensor:
    """Which tokens each prompt (B, S) has: (B, V) bool."""
    seen = torch.zeros(len(prompt), vocab_size, dtype=torch.bool, device=prompt.device)
    for row, (tokens, real) in enumerate(zip(prompt, mask, strict=True)):
        seen[row, tokens[real]] = True
    return seen


@contextmanager
def evaluating(arch: Any) -> Iterator[None]:
    """The architecture in evaluation mode and uncompiled inside; as it was afterwards."""
    training = arch.training
    compiled = [
        (module, module._compiled_call_impl)
        for module in arch.modules()
        if getattr(module, "_compiled_call_impl", None) is not None
    ]
    for module, _ in compiled:
        module._compiled_call_impl = None  # every step has another shape
    arch.eval()
    try:
        yield
    finally:
        arch.train(training)
        for module, call in compiled:
            module._compiled_call_impl = call
