"""What the tests of this room share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmlab.rollout.pick import Sampling
from lmlab.rollout.rollout import Rollout
from lmlab.rollout.sample import sample

PROMPTS = [torch.tensor(row) for row in ([1, 2, 3], [4], [5, 6, 7, 8, 9])]


def sampling(**changes: Any) -> Sampling:
    """Twelve tokens of the model's own distribution."""
    keys = {
        "max_new_tokens": 12,
        "temperature": 1.0,
        "top_k": None,
        "top_p": None,
        "repetition_penalty": 1.0,
    }
    return Sampling(**(keys | changes))


def draw(arch: Any, prompts: list[Tensor] = PROMPTS, seeds: Any = None, **changes: Any) -> Rollout:
    """Two samples a prompt with their log-probabilities; pad is 0."""
    own = ("num_samples", "stop", "prefix_attention", "source_end", "log_probs")
    keys: dict[str, Any] = {"num_samples": 2, "stop": (), "log_probs": True}
    keys |= {name: changes.pop(name) for name in own if name in changes}
    seeds = np.arange(len(prompts), dtype=np.uint64) if seeds is None else np.uint64(seeds)
    return sample(arch, prompts, sampling=sampling(**changes), seeds=seeds, pad=0, **keys)
