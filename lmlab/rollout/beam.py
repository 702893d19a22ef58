"""The likeliest short continuations of one prompt, by beam search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lmlab.rollout.decoding import start
from lmlab.rollout.rollout import sees_prompt
from lmlab.rollout.sample import evaluating


@dataclass(frozen=True, slots=True)
class Continuation:
    """tokens: without the one that ended it; log_prob: of all, that one included, in nats.

    closed: whether one ended it.
    """

    tokens: tuple[int, ...]
    log_prob: float
    closed: bool = False


@torch.no_grad()
def beam_search(
    arch: Any,
    prompt: Tensor,
    *,
    forced: tuple[int, ...],
    ends: tuple[int, ...],
    never: tuple[int, ...],
    width: int,
    max_tokens: int,
    pad: int,
) -> list[Continuation]:
    """Continuations of prompt (T,) int64 that a token of `ends` closes, the likeliest first.

    Where none is closed, the likeliest open ones. forced: what is written first, whatever its
    probability; never: tokens that are not written; width: beginnings that are kept each step, and
    continuations at most; max_tokens: tokens of one, its end not counted.
    """
    done: list[Continuation] = []
    with evaluating(arch):
        decoding = start(arch, [prompt], len(forced) + max_tokens + 1, pad, sees_prompt(arch))
        for token in forced:
            decoding.step(torch.tensor([token], device=prompt.device))
        kept: list[Continuation] = [Continuation((), 0.0)]
        for _ in range(max_tokens + 1):
            logits = arch.unembed(decoding.hidden).float().log_softmax(dim=1)
            logits[:, list(never)] = -torch.inf
            longer, rows, done = _grown(logits, kept, done, ends, width)
            worst = done[width - 1].log_prob if len(done) >= width else -float("inf")
            if not longer or len(longer[0].tokens) > max_tokens or longer[0].log_prob <= worst:
                break
            kept = longer
            decoding.select(rows)
            last = [each.tokens[-1] for each in kept]
            decoding.step(torch.tensor(last, device=prompt.device))
    return done or kept


def _grown(
    log_probs: Tensor,
    kept: list[Continuation],
    done: list[Continuation],
    ends: tuple[int, ...],
    width: int,
) -> tuple[list[Continuation], Tensor, list[Continuation]]:
    """The best beginnings one token longer, the rows they come from, and what is finished so far."""
    before = torch.tensor([each.log_prob for each in kept], device=log_probs.device)
    total = log_probs + before[:, None]
    number = min(total.numel(), width * (1 + len(ends)))
    values, places = total.flatten().topk(number)
    rows, tokens = places // total.shape[1], places % total.shape[1]
    longer: list[Continuation] = []
    sources, finished = [], list(done)
    for value, row, token in zip(values.tolist(), rows.tolist(), tokens.tolist(), strict=True):
        if value == -float("inf"):
            break
        if token in ends:
            finished.append(Continuation(kept[row].tokens, value, True))
        elif len(longer) < width:
            longer.append(Continuation((*kept[row].tokens, token), value))
            sources.append(row)
    finished.sort(key=lambda each: -each.log_prob)
    return longer, torch.tensor(sources, device=log_probs.device), finished[:width]
