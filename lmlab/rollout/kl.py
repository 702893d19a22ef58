"""How far a policy is from its reference: per-token estimators and the coefficient that limits it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def kl_estimate(log_ratio: Tensor, estimator: Literal["k1", "k2", "k3"]) -> Tensor:
    """KL(policy || reference) in nats from log_ratio = log policy - log reference, any shape.

    On tokens drawn from the policy: k1 = log_ratio is unbiased and may be negative; k2 =
    log_ratio^2 / 2 is biased, never negative; k3 = exp(-log_ratio) - 1 + log_ratio is both unbiased
    and never negative. Source: Schulman 2020, "Approximating KL divergence"; k3 is GRPO's.
    """
    if estimator == "k1":
        return log_ratio
    if estimator == "k2":
        return 0.5 * log_ratio.square()
    if estimator == "k3":
        return torch.expm1(-log_ratio) + log_ratio
    raise ValueError(f"kl_estimator={estimator} is not one of k1, k2, k3")


class FixedKL:
    """A coefficient that stays as it is."""

    def __init__(self, *, coefficient: float) -> None:
        if not coefficient >= 0:
            raise ValueError(
                f"stage.kl_coefficient={coefficient} must be 0 or more; 0 turns it off"
            )
        self.coefficient = coefficient

    def update(self, kl_nats: float, num_episodes: int) -> None:
        """Nothing to do."""

    def state_dict(self) -> dict[str, float]:
        return {"coefficient": self.coefficient}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.coefficient = state["coefficient"]


class AdaptiveKL(FixedKL):
    """A coefficient that follows a target: raised where the KL of an episode is above it.

    coefficient *= 1 + clip(kl / target - 1, -0.2, 0.2) * episodes / horizon.
    Source: Ziegler et al. 2019, section 2.2 (K_beta = 1 / horizon).
    Units: target in nats an episode (the sum over its tokens); horizon in episodes.
    """

    def __init__(self, *, coefficient: float, target: float, horizon: int) -> None:
        super().__init__(coefficient=coefficient)
        if not target > 0 or horizon < 1:
            raise ValueError(
                f"stage.kl_target={target} must be above 0 and stage.kl_horizon={horizon} 1 or more"
            )
        self.target, self.horizon = target, horizon

    def update(self, kl_nats: float, num_episodes: int) -> None:
        """kl_nats: mean over the episodes just seen."""
        error = min(max(kl_nats / self.target - 1.0, -0.2), 0.2)
        self.coefficient *= 1.0 + error * num_episodes / self.horizon
