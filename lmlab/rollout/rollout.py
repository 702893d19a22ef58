"""What sampling returns: prompts, responses and how likely they were."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lmlab.batch import Batch


@dataclass(frozen=True, slots=True)
class Rollout(Batch):
    """Responses to prompts; the first dimension R = B prompts * G samples, a prompt's samples together.

    prompt (R, S) int64, padded on the left; prompt_mask (R, S) bool: real tokens;
    response (R, T) int64, padded on the right; mask (R, T) bool: tokens that were drawn, the stop
    token included, so that every row counts from its start without a gap;
    log_probs (R, T): of the model itself, at temperature 1 and with nothing filtered, in nats;
    sampling_log_probs (R, T): of the distribution that the tokens were drawn from, after repetition
    penalty, temperature, top-k and top-p (0 for greedy); both 0 where the mask is False;
    finished (R,) bool: ended by a stop token, False where max_new_tokens cut it;
    group (R,) int64: which prompt a row answers.
    """

    prompt: Tensor
    prompt_mask: Tensor
    response: Tensor
    mask: Tensor
    log_probs: Tensor
    sampling_log_probs: Tensor
    finished: Tensor
    group: Tensor

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
