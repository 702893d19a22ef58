"""What a policy learns from: drawn answers with their advantages, cut into minibatches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import Batch, mix
from lmlab.rollout.rollout import Rollout

SHUFFLE = 0x6D696E69


@dataclass(frozen=True, slots=True)
class Experience(Batch):
    """R answers of the policy as it was when they were drawn.

    prompt, prompt_mask (R, S), response, mask (R, T) as in Rollout;
    learned (R, T) bool: tokens that are learned from, the mask without the answers left out;
    advantages (R, T), in reward units; old_log_probs (R, T) nats, None: the policy has not changed;
    reference (R, T): log-probabilities of the reference, None: it was not run;
    old_values, targets (R, T): what the value model said and what it is fitted to, None without one.
    """

    prompt: Tensor
    prompt_mask: Tensor
    response: Tensor
    mask: Tensor
    learned: Tensor
    advantages: Tensor
    old_log_probs: Tensor | None = None
    reference: Tensor | None = None
    old_values: Tensor | None = None
    targets: Tensor | None = None

    @classmethod
    def of(cls, rollout: Rollout, advantages: Tensor, **more: Any) -> Experience:
        """Of a rollout; advantages (R,) or (R, T); all answers are learned from unless told."""
        page = advantages if advantages.dim() == 2 else advantages[:, None] * rollout.mask
        taken = {"learned": rollout.mask, "advantages": page} | more
        return cls(rollout.prompt, rollout.prompt_mask, rollout.response, rollout.mask, **taken)

    def select(self, rows: Tensor) -> Experience:
        """The rows of indices (n,), in that order."""
        return self.map(lambda tensor: tensor[rows])


def minibatches(
    experience: Experience, number: int, seed: int, step: int, epoch: int
) -> Iterator[Experience]:
    """The rows in `number` parts of about equal size, in an order of (seed, step, epoch) alone.

    One part keeps the rows as they are. Raises: ValueError for more parts than rows.
    """
    total = len(experience.mask)
    if number > total:
        raise ValueError(f"stage.minibatches={number} is more than the {total} answers of a step")
    if number == 1:
        yield experience
        return
    keys = np.zeros(total, np.uint64)
    for part in (SHUFFLE, seed, step, epoch, np.arange(total)):
        keys = mix(keys ^ mix(keys * np.uint64(0) + np.asarray(part, np.uint64)))
    for rows in np.array_split(np.argsort(keys, kind="stable"), number):
        yield experience.select(torch.from_numpy(rows).to(experience.mask.device))
