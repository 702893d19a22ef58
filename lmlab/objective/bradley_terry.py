"""The reward model's loss on comparisons: a logistic regression on differences of rewards."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.batch import Loss


def comparison_loss(better: Tensor, worse: Tensor, margin: Tensor | float = 0.0) -> Tensor:
    """-log sigmoid(r_better - r_worse - margin) of every pair (P,), in nats.

    Source: rows S0-23, S1-36 (= softmax regression with two classes); margin: Llama 2
    (arXiv 2307.09288) section 3.2.2.
    """
    return -F.logsigmoid(better - worse - margin)


def pairs(ranks: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (better, worse), each (P,), of all comparisons: same group, lower rank is better.

    ranks (N,): 0 is best, equal ranks are not compared; groups (N,): which prompt is answered.
    """
    comparable = (groups[:, None] == groups[None, :]) & (ranks[:, None] < ranks[None, :])
    better, worse = comparable.nonzero(as_tuple=True)
    return better, worse


class BradleyTerry:
    """The mean over all pairs: every comparison weighs the same (rows S0-23, S1-36).

    margin: how much higher the better reward should be (with per-row margins: times those);
    centring: weight of (r_better + r_worse)^2, which keeps rewards around 0 (arXiv 2312.09244).
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder", "encoder_decoder")
    family: ClassVar[str] = "comparison"

    def __init__(self, *, margin: float, centring: float) -> None:
        if margin < 0 or centring < 0:
            raise ValueError(
                f"objective.margin={margin} and objective.centring={centring} must be 0 or more"
            )
        self.margin, self.centring = margin, centring

    def count(self, ranks: Tensor, groups: Tensor) -> Tensor:
        """How many terms the mean of a batch is over: its pairs."""
        return torch.tensor(len(pairs(ranks, groups)[0]), device=ranks.device)

    def loss(
        self, rewards: Tensor, ranks: Tensor, groups: Tensor, margins: Tensor | None = None
    ) -> Loss:
        """rewards (N,) of completions, each from one forward pass, with gradients.

        ranks, groups as in `pairs`; margins (N,): of a row against all that are better, None: 1.
        """
        better, worse = pairs(ranks, groups)
        weight = self.pair_weights(groups, better)
        factor = 1.0 if margins is None else margins[worse]
        plain = comparison_loss(rewards[better], rewards[worse])
        value = plain
        if self.margin:
            value = comparison_loss(rewards[better], rewards[worse], self.margin * factor)
        if self.centring:
            value = value + self.centring * (rewards[better] + rewards[worse]).square()
        difference = (rewards[better] - rewards[worse]).detach()
        right = (difference > 0) + 0.5 * (difference == 0)
        metrics = {
            "nll": (weight * plain.detach()).sum(),
            "accuracy": (weight * right).sum(),
            "margin": (weight * difference).sum(),
        }
        return Loss((weight * value).sum(), self.count(ranks, groups), metrics)

    def pair_weights(self, groups: Tensor, better: Tensor) -> Tensor:
        """What each pair weighs, (P,); they sum to `count`."""
        return torch.ones(len(better), device=groups.device)
