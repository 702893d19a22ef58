"""PPO's clipped policy loss, and what PPO for language models adds to it."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from lmlab.batch import Loss
from lmlab.objective.reduction import masked_sum, num_terms, reduced
from lmlab.objective.value_loss import clipped_value_loss


def clipped_objective(ratio: Tensor, advantage: Tensor, low: float, high: float) -> Tensor:
    """min(ratio A, clip(ratio, 1 - low, 1 + high) A), to be maximised; any shape (row S0-27)."""
    return torch.minimum(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)


def clipped(ratio: Tensor, advantage: Tensor, low: float, high: float) -> Tensor:
    """Where the clip took the gradient away: bool, any shape."""
    return ((advantage > 0) & (ratio > 1 + high)) | ((advantage < 0) & (ratio < 1 - low))


class PPOClip:
    """The clipped policy loss on responses (R, T), an entropy bonus, and the value's loss.

    Source: Schulman et al. 2017 (arXiv 1707.06347) equation 7; rows S0-25, S0-27, S0-28.
    `reduction` token is the common mean over tokens; sequence is row S0-28's 1/N 1/T.
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder_decoder")
    family: ClassVar[str] = "ppo"

    def __init__(
        self,
        *,
        clip: float,
        entropy_bonus: float,
        value_clip: float | None,
        reduction: Literal["token", "sequence"],
    ) -> None:
        if not 0 < clip < 1:
            raise ValueError(f"objective.clip={clip} must be between 0 and 1; PPO uses 0.2")
        if value_clip is not None and not value_clip > 0:
            raise ValueError(
                f"objective.value_clip={value_clip} must be above 0; null turns it off"
            )
        self.clip, self.entropy_bonus = clip, entropy_bonus
        self.value_clip, self.reduction = value_clip, reduction

    def count(self, mask: Tensor, reduction: Literal["token", "sequence"] | None = None) -> Tensor:
        """How many terms the mean of a batch is over: a scalar. reduction: None is the objective's."""
        return num_terms(mask, reduction or self.reduction)

    def policy_loss(
        self,
        log_probs: Tensor,
        old_log_probs: Tensor,
        advantages: Tensor,
        mask: Tensor,
        entropy: Tensor | None = None,
    ) -> Loss:
        """log_probs with gradients; old_log_probs of when the responses were drawn; all (R, T)."""
        log_ratio = (log_probs - old_log_probs).masked_fill(~mask, 0.0)
        ratio = log_ratio.exp()
        per_token = -clipped_objective(ratio, advantages, self.clip, self.clip)
        metrics = {
            "clip_fraction": masked_sum(
                clipped(ratio, advantages, self.clip, self.clip) * 1.0, mask
            ),
            "ratio": masked_sum(ratio, mask),
            "old_kl_nats": masked_sum(torch.expm1(log_ratio) - log_ratio, mask),
        }
        if entropy is not None:
            per_token = per_token - self.entropy_bonus * entropy
            metrics["entropy_nats"] = masked_sum(entropy, mask)
        total = reduced(per_token, mask, self.reduction)
        return Loss(total, self.count(mask), metrics)

    def value_loss(
        self,
        values: Tensor,
        old_values: Tensor,
        targets: Tensor,
        mask: Tensor,
        reduction: Literal["token", "sequence"] | None = None,
    ) -> Loss:
        """values with gradients, old_values of when the responses were drawn, targets; all (R, T).

        reduction: as in `count`.
        """
        per_token, was_clipped = clipped_value_loss(values, old_values, targets, self.value_clip)
        metrics = {"value_clip_fraction": masked_sum(was_clipped * 1.0, mask)}
        total = reduced(per_token, mask, reduction or self.reduction)
        return Loss(total, self.count(mask, reduction), metrics)
