"""GRPO's loss, and by its keys those of DAPO and Dr. GRPO."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from lmlab.batch import Loss
from lmlab.objective.ppo_clip import clipped, clipped_objective
from lmlab.objective.reduction import masked_sum, num_terms, reduced


class GroupRelative:
    """The clipped loss with one advantage a response, plus beta times the k3 KL to the reference.

    GRPO: clip_high = clip_low, divide_by_std, reduction sequence, kl_weight above 0.
    DAPO: clip_high 0.28, reduction token, kl_weight 0, overlong responses left to the reward.
    Dr. GRPO: divide_by_std false, reduction constant (with `max_tokens`), kl_weight 0.
    Source: arXiv 2402.03300 equation 3 (row S4-49); 2503.14476; 2503.20783.
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder_decoder")
    family: ClassVar[str] = "group_relative"
    only_with: ClassVar[dict[str, dict[str, tuple[str, ...]]]] = {
        "max_tokens": {"reduction": ("constant",)}
    }

    def __init__(
        self,
        *,
        clip_low: float,
        clip_high: float,
        kl_weight: float,
        divide_by_std: bool,
        reduction: Literal["sequence", "token", "constant"],
        max_tokens: int | None,
    ) -> None:
        if not 0 < clip_low < 1 or not clip_high > 0:
            raise ValueError(
                f"objective.clip_low={clip_low} must be between 0 and 1 and "
                f"objective.clip_high={clip_high} above 0; GRPO uses 0.2 for both"
            )
        if kl_weight < 0:
            raise ValueError(f"objective.kl_weight={kl_weight} must be 0 or more")
        if reduction == "constant" and (max_tokens is None or max_tokens < 1):
            raise ValueError(
                "objective.reduction=constant needs objective.max_tokens, the length that every "
                "response is divided by; the longest that is drawn would do"
            )
        self.clip_low, self.clip_high, self.kl_weight = clip_low, clip_high, kl_weight
        self.divide_by_std, self.reduction = divide_by_std, reduction
        self.constant = float(max_tokens or 1)

    def count(self, mask: Tensor) -> Tensor:
        """How many terms the mean of a batch is over: a scalar."""
        return num_terms(mask, self.reduction)

    def loss(
        self,
        log_probs: Tensor,
        old_log_probs: Tensor,
        reference_log_probs: Tensor | None,
        advantages: Tensor,
        mask: Tensor,
    ) -> Loss:
        """log_probs (R, T) with gradients, the others without; advantages (R,) or (R, T)."""
        advantages = advantages if advantages.dim() == 2 else advantages[:, None]
        log_ratio = (log_probs - old_log_probs).masked_fill(~mask, 0.0)
        ratio = log_ratio.exp()
        per_token = -clipped_objective(ratio, advantages, self.clip_low, self.clip_high)
        cut = clipped(ratio, advantages, self.clip_low, self.clip_high)
        metrics = {"clip_fraction": masked_sum(cut * 1.0, mask), "ratio": masked_sum(ratio, mask)}
        if self.kl_weight:
            if reference_log_probs is None:
                raise ValueError("objective.kl_weight above 0 needs a reference policy")
            away = (reference_log_probs - log_probs).masked_fill(~mask, 0.0)
            kl = torch.expm1(away) - away
            per_token = per_token + self.kl_weight * kl
            metrics["kl_nats"] = masked_sum(kl, mask)
        total = reduced(per_token, mask, self.reduction, self.constant)
        return Loss(total, self.count(mask), metrics)
