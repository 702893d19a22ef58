"""Classes as words that an encoder-decoder writes: T5's text-to-text form of classification."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import LabelBatch
from lmlab.rollout.token_scores import token_scores
from lmlab.stage.training import head_of


class LabelWords:
    """The tokens of every class, (L, W) with a mask, and how likely they are after a text.

    words: (n,) ids of each, its end mark included. Source: Raffel et al. 2020 section 2.4.
    """

    def __init__(self, words: list[np.ndarray], pad: int) -> None:
        width = max(map(len, words))
        self.tokens = torch.full((len(words), width), pad)
        self.mask = torch.zeros(len(words), width, dtype=torch.bool)
        for row, ids in enumerate(words):
            self.tokens[row, : len(ids)] = torch.as_tensor(ids)
            self.mask[row, : len(ids)] = True
        self.pad = pad

    def log_probs(self, arch: Any, batch: LabelBatch) -> Tensor:
        """log P(words of the label | text) in nats, (B,), differentiable."""
        source, real = _source(batch)
        targets, mask = (part.to(source.device)[batch.label] for part in (self.tokens, self.mask))
        hidden = arch(source, self._shifted(targets), real)
        return _summed(arch, hidden, targets, mask)

    @torch.no_grad()
    def scores(self, arch: Any, batch: LabelBatch) -> Tensor:
        """log P(words | text) in nats of every class, (B, L); a text is encoded once."""
        source, real = _source(batch)
        memory, num = arch.encode(source, real), len(self.tokens)
        rows = torch.arange(len(source), device=source.device).repeat_interleave(num)
        tokens, mask = (part.to(source.device) for part in (self.tokens, self.mask))
        targets, masks = tokens.repeat(len(source), 1), mask.repeat(len(source), 1)
        cache = arch.start_decoding(memory[rows], real[rows], targets.shape[1])
        hidden = arch.decode(self._shifted(targets), cache)
        return _summed(arch, hidden, targets, masks).unflatten(0, (len(source), num))

    def _shifted(self, targets: Tensor) -> Tensor:
        tokens = targets.roll(1, dims=1)
        tokens[:, 0] = self.pad
        return tokens


def _source(batch: LabelBatch) -> tuple[Tensor, Tensor]:
    tokens, lengths = batch.tokens[:, 0], batch.lengths[:, 0]
    index = torch.arange(tokens.shape[1], device=tokens.device)
    return tokens, index < lengths[:, None]


def _summed(arch: Any, hidden: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    found, _ = token_scores(hidden[mask], head_of(arch), targets[mask])
    page = torch.zeros(mask.shape, dtype=found.dtype, device=found.device)
    return page.masked_scatter(mask, found).sum(dim=1)
