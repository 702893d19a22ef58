"""Several answers to one prompt in one row, so that the prompt is read once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lmlab.batch import SEEN_BY_ALL

HIDDEN = -1  # the document of padding: no real token is in it


def answers_sharing(prompt: Tensor, num_tokens: int, width: int) -> int:
    """How many answers of num_tokens to share a row, 1: none; prompt (R, S), equal ones together.

    The number, among those that divide every group, with the least work: a token costs 24 D^2
    operations for the matrices of its layer and 4 D a key of its row, which take twice the time
    (measured on a CPU); plain causal attention skips half of the keys.
    """
    _, counts = torch.unique_consecutive(prompt, dim=0, return_counts=True)
    group = int(counts[0])
    if bool((counts != group).any()):
        return 1

    def cost(sharing: int) -> float:
        row = prompt.shape[1] + sharing * num_tokens
        return row / sharing * (24 * width + (4 if sharing == 1 else 8) * row)

    return min((n for n in range(1, group + 1) if group % n == 0), key=cost)


def shared_hidden(
    arch: Any, prompt: Tensor, prompt_mask: Tensor, response: Tensor, mask: Tensor, sharing: int
) -> Tensor:
    """A decoder's hidden states (N, D) of the positions that predict the N real response tokens.

    prompt (R, S) padded on the left, response (R, T) padded on the right, `sharing` answers a row:
    each row is the prompt and then its answers, which see the prompt and not one another, with
    positions that go on from the prompt's.
    """
    rows, width, steps = len(prompt) // sharing, prompt.shape[1], response.shape[1]
    asked, real = prompt[::sharing], prompt_mask[::sharing]
    tokens = torch.cat((asked, response.reshape(rows, -1)), dim=1)
    first = real.cumsum(dim=1) - 1
    later = first[:, -1:] + 1 + torch.arange(steps, device=prompt.device).repeat(sharing)
    positions = torch.cat((first.clamp(min=0), later), dim=1)
    number = torch.arange(sharing, device=prompt.device).repeat_interleave(steps)
    documents = torch.cat((torch.where(real, SEEN_BY_ALL, HIDDEN), number.expand(rows, -1)), dim=1)
    hidden = arch(tokens, positions, documents)
    before = hidden[:, width - 1 : width, None].expand(-1, -1, sharing, -1).transpose(1, 2)
    after = hidden[:, width:].unflatten(1, (sharing, steps))[:, :, :-1]
    return torch.cat((before, after), dim=2).flatten(0, 1)[mask]
