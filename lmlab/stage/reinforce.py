"""REINFORCE: the plain policy gradient, with a choice of baseline."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from lmlab.batch import Loss
from lmlab.rollout.advantage import rloo_advantage
from lmlab.rollout.answering import Answers
from lmlab.stage.experience import Experience
from lmlab.stage.policy import Policy


class Reinforce(Policy):
    """One update a phase along the gradient of the expected reward (row S1-37).

    objective.baseline: none, the mean of the batch, or rloo, the mean of a prompt's other answers.
    kl_coefficient: KL to the reference, in nats an answer, taken off the reward times this.
    """

    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder_decoder"),
        "objective": ("policy_gradient",),
        "data": ("prompts",),
    }

    def __init__(self, *, kl_coefficient: float, **shared: Any) -> None:
        if kl_coefficient < 0:
            raise ValueError(f"stage.kl_coefficient={kl_coefficient} must be 0 or more")
        self.kl_coefficient = kl_coefficient
        super().__init__(**shared)
        if self.objective.baseline == "rloo" and self.num_samples < 2:
            raise ValueError(
                f"objective.baseline=rloo needs stage.num_samples of 2 or more, not {self.num_samples}"
            )

    def experience(self, answers: Answers, rewards: Tensor) -> Experience:
        rollout = answers.rollout
        reference = self.reference_scores(rollout)
        if self.kl_coefficient:
            log_probs = self.scores(self.arch, rollout).log_probs
            rewards = rewards - self.kl_coefficient * (log_probs - reference).sum(dim=1)
        return Experience.of(rollout, self.advantages(rewards, rollout.group), reference=reference)

    def advantages(self, rewards: Tensor, group: Tensor) -> Tensor:
        """Rewards (R,) with the objective's baseline taken off; its mean is over all processes."""
        if self.objective.baseline == "rloo":
            return rloo_advantage(rewards, group)
        if self.objective.baseline == "none":
            return rewards
        both = torch.stack((rewards.sum(), torch.ones_like(rewards).sum()))
        total, count = self._sum_over_ranks(both)
        return rewards - total / count

    def score(self, batch: Experience) -> Loss:
        found = self.scores(self.arch, batch, grad=True)
        self.measure(found.log_probs, found.entropy, batch)
        return self.objective.loss(
            found.log_probs, batch.advantages, batch.learned, entropy=found.entropy
        )
