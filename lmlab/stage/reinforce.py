"""REINFORCE: the plain policy gradient, with a choice of baseline."""

from __future__ import annotations

from typing import Any, ClassVar

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
        if not self.is_on_policy:
            raise ValueError(
                f"stage.epochs={self.epochs} and stage.minibatches={self.minibatches} must both be 1: "
                "this gradient only holds for the policy that drew the answers; stage=ppo takes more"
            )
        if self.objective.baseline == "rloo" and self.num_samples < 2:
            raise ValueError(
                f"objective.baseline=rloo needs stage.num_samples of 2 or more, not {self.num_samples}"
            )
