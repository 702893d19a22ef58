"""The reward model's loss on rankings of K completions, as InstructGPT's is."""

from __future__ import annotations

import torch
from torch import Tensor

from lmlab.objective.bradley_terry import BradleyTerry, pairs


class RankedBradleyTerry(BradleyTerry):
    """All K choose 2 pairs of a prompt, weighted 1 / C(K, 2), so that every prompt weighs the same.

    One forward pass a completion serves its K - 1 pairs. With K = 2 it is BradleyTerry.
    Source: row S3-57 (Ouyang et al. 2022 equation 1).
    Differs: tied completions are not compared, and the pairs that remain share the weight.
    """

    def __init__(self, *, margin: float, centring: float) -> None:
        super().__init__(margin=margin, centring=centring)

    def count(self, ranks: Tensor, groups: Tensor) -> Tensor:
        """How many terms the mean of a batch is over: prompts with anything to compare."""
        better, _ = pairs(ranks, groups)
        return torch.tensor(len(groups[better].unique()), device=ranks.device)

    def pair_weights(self, groups: Tensor, better: Tensor) -> Tensor:
        """1 / the number of pairs of the same prompt, (P,)."""
        _, index, count = groups[better].unique(return_inverse=True, return_counts=True)
        return 1.0 / count[index]
