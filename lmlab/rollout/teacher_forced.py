"""One forward pass over prompts and given responses: log-probabilities, entropy, values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lmlab.batch import Head
from lmlab.rollout.rollout import push_left, sees_prompt, with_end
from lmlab.rollout.shared_prompt import answers_sharing, shared_hidden
from lmlab.rollout.token_scores import token_scores


@dataclass(frozen=True, slots=True)
class Scores:
    """Of every response token, each (R, T), fp32, 0 where the mask is False; None: not asked for.

    log_probs: in nats, of the tokens given; entropy: of the distribution they come from, in nats;
    values: of the state before the token, V(x, y_<t).
    """

    log_probs: Tensor | None
    entropy: Tensor | None
    values: Tensor | None


def teacher_forced(
    arch: Any,
    prompt: Tensor,
    prompt_mask: Tensor,
    response: Tensor,
    mask: Tensor,
    *,
    pad: int,
    temperature: float = 1.0,
    value_head: Callable[[Tensor], Tensor] | None = None,
    with_log_probs: bool = True,
    source_end: int | None = None,
    prefix_attention: bool | None = None,
    micro_rows: int | None = None,
) -> Scores:
    """Score responses (R, T) to prompts (R, S), with gradients where they are enabled.

    value_head: hidden (N, D) to values (N,) or (N, 1), on the same forward pass; with_log_probs
    false leaves the unembedding out (a value model of its own). Logits exist for response tokens
    only, a chunk at a time. micro_rows: rows of one forward pass at most, None: all.
    pad: fills the decoder's rows, and starts those of an encoder-decoder; source_end: the token that
    its encoder reads behind a prompt; prefix_attention: as in `sample`.
    """
    prefix = sees_prompt(arch) if prefix_attention is None else prefix_attention
    size = micro_rows or len(prompt)
    parts = []
    for begin in range(0, len(prompt), size):
        rows = slice(begin, begin + size)
        inputs = (prompt[rows], prompt_mask[rows], response[rows], mask[rows])
        hidden = response_hidden(
            arch, *inputs, pad=pad, source_end=source_end, prefix_attention=prefix
        )
        head = head_of(arch) if with_log_probs else None
        parts.append(_score(hidden, response[rows], mask[rows], head, value_head, temperature))
    return Scores(*(_join([part[index] for part in parts]) for index in range(3)))


def response_hidden(
    arch: Any,
    prompt: Tensor,
    prompt_mask: Tensor,
    response: Tensor,
    mask: Tensor,
    *,
    pad: int,
    source_end: int | None = None,
    prefix_attention: bool = False,
) -> Tensor:
    """Hidden states (N, D) of the positions that predict the N response tokens, row by row.

    Answers to one prompt share its row where that is less work. Other rows are pushed to the left,
    so causal attention alone hides the padding behind them.
    """
    if arch.kind == "encoder_decoder":
        return decode_all(arch, prompt, prompt_mask, response[:, :-1], pad, source_end)[mask]
    if not prefix_attention and arch.kind == "decoder":
        sharing = answers_sharing(prompt, response.shape[1], arch.width)
        if sharing > 1:
            return shared_hidden(arch, prompt, prompt_mask, response, mask, sharing)
    tokens, real = joined(prompt, prompt_mask, response, mask)
    lengths = prompt_mask.sum(dim=1)
    index = torch.arange(tokens.shape[1], device=tokens.device)[None, :]
    if prefix_attention:
        hidden = arch(tokens, None, None, index < lengths[:, None])
    else:
        hidden = arch(tokens)
    return hidden[:, :-1][real[:, 1:] & (index[:, 1:] >= lengths[:, None])]


def final_hidden(
    arch: Any,
    prompt: Tensor,
    prompt_mask: Tensor,
    response: Tensor,
    mask: Tensor,
    *,
    pad: int,
    source_end: int | None = None,
) -> Tensor:
    """Hidden states (R, D) of the last token of prompt and response: what a reward head reads.

    For a decoder and an encoder (which sees prompt and response as one text) the last real token;
    for an encoder-decoder the decoder's last one, with the prompt as source.
    """
    if arch.kind == "encoder_decoder":
        hidden = decode_all(arch, prompt, prompt_mask, response, pad, source_end)
        last = mask.sum(dim=1)
    else:
        tokens, real = joined(prompt, prompt_mask, response, mask)
        hidden = arch(tokens, None, real.long()) if arch.kind == "encoder" else arch(tokens)
        last = real.sum(dim=1) - 1
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def joined(
    prompt: Tensor, prompt_mask: Tensor, response: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Prompt and response of each row without a gap, from its start: tokens and mask (R, L)."""
    return push_left(torch.cat((prompt, response), dim=1), torch.cat((prompt_mask, mask), dim=1))


def decode_all(
    arch: Any,
    prompt: Tensor,
    prompt_mask: Tensor,
    response: Tensor,
    pad: int,
    source_end: int | None = None,
) -> Tensor:
    """An encoder-decoder's hidden states (R, T + 1, D): `pad` first, then the response."""
    source, real = push_left(*with_end(prompt, prompt_mask, source_end))
    tokens = torch.cat((response.new_full((len(response), 1), pad), response), dim=1)
    return arch(source, tokens, None if bool(real.all()) else real)


def head_of(arch: Any) -> Head:
    """How this architecture's hidden states become logits."""
    return Head(
        weight=arch.unembedding.weight,
        bias=arch.unembedding.bias,
        readout=getattr(arch, "readout", None),
    )


def _score(
    hidden: Tensor,
    response: Tensor,
    mask: Tensor,
    head: Head | None,
    value_head: Callable[[Tensor], Tensor] | None,
    temperature: float,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    log_probs = entropy = values = None
    if head is not None:
        picked = token_scores(hidden, head, response[mask], temperature)
        log_probs, entropy = (_spread(part, mask) for part in picked)
    if value_head is not None:
        values = _spread(value_head(hidden).float().reshape(-1), mask)
    return log_probs, entropy, values


def _spread(numbers: Tensor, mask: Tensor) -> Tensor:
    """(N,) to (R, T) where the mask is True, 0 elsewhere; differentiable."""
    page = torch.zeros(mask.shape, dtype=numbers.dtype, device=mask.device)
    return page.masked_scatter(mask, numbers)


def _join(parts: list[Tensor | None]) -> Tensor | None:
    found = [part for part in parts if part is not None]
    return torch.cat(found) if found else None
