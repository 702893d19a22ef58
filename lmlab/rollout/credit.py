"""Which token of an answer gets how much of the reward: the variants of PPO, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from lmlab.rollout.advantage import (
    end_targets,
    gae,
    kl_in_advantage,
    penalised,
    reward_minus_value,
    value_targets,
)
from lmlab.rollout.kl import kl_estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """How rewards become advantages and what the value model is fitted to.

    kl_in: None, no KL: A = r - V (row S0-28); `advantage`: the KL still to come is taken off too
    (row S0-32); `reward`: the KL is a token reward, and advantages are generalised (row S3-58).
    value_target: `reward`, r alone at every token, as both rows print it; `returns`, A + V, so that
    V knows of the KL too (the common form: it centres the advantage).
    """

    kl_in: Literal["reward", "advantage"] | None
    value_target: Literal["reward", "returns"]
    kl_estimator: Literal["k1", "k2", "k3"]
    gae_lambda: float
    discount: float

    def __post_init__(self) -> None:
        for name in ("gae_lambda", "discount"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"stage.{name}={getattr(self, name)} must be in 0..1")

    def give(
        self, reward: Tensor, log_ratio: Tensor, values: Tensor, mask: Tensor, coefficient: float
    ) -> tuple[Tensor, Tensor]:
        """Advantages and targets (R, T) of rewards (R,).

        log_ratio (R, T): log of policy over reference, in nats; values (R, T); coefficient: of the KL.
        """
        if self.kl_in is None:
            advantages = reward_minus_value(reward, values, mask)
        elif self.kl_in == "advantage":
            advantages = kl_in_advantage(reward, log_ratio, values, mask, coefficient)
        else:
            kl = kl_estimate(log_ratio, self.kl_estimator)
            tokens = penalised(reward, kl, mask, coefficient)
            advantages = gae(tokens, values, mask, discount=self.discount, lam=self.gae_lambda)
        if self.value_target == "reward":
            return advantages, end_targets(reward, mask)
        return advantages, value_targets(advantages, values, mask)
