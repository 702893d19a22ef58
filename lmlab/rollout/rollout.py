"""What sampling returns: prompts, responses and how likely they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lmlab.batch import Batch


@dataclass(frozen=True, slots=True)
class Rollout(Batch):
    """Responses to prompts; the first dimension R = B prompts * G samples, a prompt's samples together.

    prompt (R, S) int64, padded on the left, as it was given: the end mark that an encoder reads
    behind it is not a part of it; prompt_mask (R, S) bool: real tokens;
    response (R, T) int64, padded on the right; mask (R, T) bool: tokens that were drawn, the stop
    token included, so that every row counts from its start without a gap;
    finished (R,) bool: ended by a stop token, False where max_new_tokens cut it;
    group (R,) int64: which prompt a row answers;
    log_probs (R, T): of the model itself, at temperature 1 and with nothing filtered, in nats;
    sampling_log_probs (R, T): of the distribution that the tokens were drawn from, after repetition
    penalty, temperature, top-k and top-p (0 for greedy); both 0 where the mask is False, and None
    where they were not asked for.
    """

    prompt: Tensor
    prompt_mask: Tensor
    response: Tensor
    mask: Tensor
    finished: Tensor
    group: Tensor
    log_probs: Tensor | None = None
    sampling_log_probs: Tensor | None = None

    def select(self, rows: Tensor) -> Rollout:
        """The rows of indices (n,) int64, in that order."""
        return self.map(lambda tensor: tensor[rows])

    def responses(self) -> list[Tensor]:
        """The drawn tokens of every row, without padding."""
        return [row[keep] for row, keep in zip(self.response, self.mask, strict=True)]

    def prompts(self) -> list[Tensor]:
        """The prompt of every row, without padding."""
        return [row[keep] for row, keep in zip(self.prompt, self.prompt_mask, strict=True)]


def pad_left(sequences: list[Tensor], pad: int) -> tuple[Tensor, Tensor]:
    """1-D token tensors to (B, S) int64 and their mask (B, S), padding before them."""
    width = max(len(tokens) for tokens in sequences)
    first = sequences[0]
    padded = torch.full((len(sequences), width), pad, dtype=torch.int64, device=first.device)
    mask = torch.zeros(len(sequences), width, dtype=torch.bool, device=first.device)
    for row, tokens in enumerate(sequences):
        padded[row, width - len(tokens) :] = tokens
        mask[row, width - len(tokens) :] = True
    return padded, mask


def with_end(prompt: Tensor, mask: Tensor, end: int | None) -> tuple[Tensor, Tensor]:
    """Prompts (R, S) padded on the left as an encoder reads them: with that token behind, None: as is."""
    if end is None:
        return prompt, mask
    last = prompt.new_full((len(prompt), 1), end)
    return torch.cat((prompt, last), dim=1), torch.cat((mask, torch.ones_like(mask[:, :1])), dim=1)


def sees_prompt(arch: Any) -> bool:
    """Whether the weights of a decoder learned with prompts whose tokens all see one another.

    Who opens the weights knows it and says so by the attribute `prefix_attention`.
    """
    return bool(getattr(arch, "prefix_attention", False))


def push_left(tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """What counts of tokens (R, L) moved to the start of its row, order kept; the mask likewise.

    Trailing columns that no row needs are cut off.
    """
    order = (~mask).to(torch.int8).argsort(dim=1, stable=True)
    lengths = mask.sum(dim=1)
    width = max(1, int(lengths.max()))
    moved = tokens.gather(1, order[:, :width])
    index = torch.arange(width, device=tokens.device)
    return moved, index[None, :] < lengths[:, None]
