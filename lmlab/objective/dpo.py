"""Direct preference optimisation: comparisons without a reward model or sampling."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.batch import Loss


class DPO:
    """-log sigmoid(beta * (chosen's log-ratio - rejected's)), a response's log-ratio to the reference.

    label_smoothing: the share of comparisons believed to be wrong (conservative DPO).
    kind_of_loss `ipo`: (h - 1 / (2 beta))^2 with h the same difference of log-ratios.
    reference_free: the reference counts as uniform, so it is not needed.
    Source: Rafailov et al. 2023 (arXiv 2305.18290) equation 7; Azar et al. 2023 (2310.12036)
    equation 17. Differs: IPO takes summed log-probabilities as its paper does, not means.
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder_decoder")
    family: ClassVar[str] = "direct_preference"

    def __init__(
        self,
        *,
        beta: float,
        label_smoothing: float,
        reference_free: bool,
        kind_of_loss: Literal["sigmoid", "ipo"],
    ) -> None:
        if not beta > 0:
            raise ValueError(f"objective.beta={beta} must be above 0; 0.1 is usual")
        if not 0 <= label_smoothing < 0.5:
            raise ValueError(f"objective.label_smoothing={label_smoothing} must be in 0..0.5")
        if label_smoothing and kind_of_loss == "ipo":
            raise ValueError(
                f"objective.label_smoothing={label_smoothing} has no effect with "
                "objective.kind_of_loss=ipo; set it to 0"
            )
        self.beta, self.label_smoothing = beta, label_smoothing
        self.reference_free, self.kind_of_loss = reference_free, kind_of_loss

    def loss(
        self,
        chosen: Tensor,
        rejected: Tensor,
        reference_chosen: Tensor | None = None,
        reference_rejected: Tensor | None = None,
    ) -> Loss:
        """Summed log-probabilities (P,) of whole responses, those of the policy with gradients."""
        if self.reference_free or reference_chosen is None or reference_rejected is None:
            if not self.reference_free:
                raise ValueError("objective.reference_free=false needs a reference policy")
            reference_chosen = reference_rejected = torch.zeros_like(chosen)
        chosen_reward = self.beta * (chosen - reference_chosen)
        rejected_reward = self.beta * (rejected - reference_rejected)
        margin = chosen_reward - rejected_reward
        metrics = {
            "accuracy": (margin > 0).sum() + 0.5 * (margin == 0).sum(),
            "margin": margin.detach().sum(),
            "chosen_reward": chosen_reward.detach().sum(),
            "rejected_reward": rejected_reward.detach().sum(),
            "chosen_log_prob_nats": chosen.detach().sum(),
        }
        total = self._per_pair(margin).sum()
        return Loss(total, torch.tensor(len(chosen), device=chosen.device), metrics)

    def _per_pair(self, margin: Tensor) -> Tensor:
        if self.kind_of_loss == "ipo":
            return (margin / self.beta - 1 / (2 * self.beta)).square()
        smooth = self.label_smoothing
        return -(1 - smooth) * F.logsigmoid(margin) - smooth * F.logsigmoid(-margin)
