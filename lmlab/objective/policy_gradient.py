"""REINFORCE: the plain policy gradient on sampled responses."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from lmlab.batch import Loss
from lmlab.objective.reduction import masked_sum, num_terms, reduced


class PolicyGradient:
    """-A log pi(y | x): its gradient is that of -E[r] (row S1-37: theta := theta + alpha grad J).

    baseline: `none` takes r as it is, `mean` takes off the mean over the batch, `rloo` the mean of
    the other samples of the same prompt (arXiv 2402.14740). The stage makes the advantages by it.
    reduction: `sum` adds up a response's tokens, as the formula has it; `token` is the mean over
    all tokens. Both differ in scale, and for `token` long responses weigh less each.
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder_decoder")
    family: ClassVar[str] = "policy_gradient"

    def __init__(
        self,
        *,
        baseline: Literal["none", "mean", "rloo"],
        entropy_bonus: float,
        reduction: Literal["sum", "token"],
    ) -> None:
        self.baseline, self.entropy_bonus = baseline, entropy_bonus
        self.reduction: Literal["token", "constant"] = (
            "token" if reduction == "token" else "constant"
        )

    def count(self, mask: Tensor) -> Tensor:
        """How many terms the mean of a batch is over: a scalar."""
        return num_terms(mask, self.reduction)

    def loss(
        self, log_probs: Tensor, advantages: Tensor, mask: Tensor, entropy: Tensor | None = None
    ) -> Loss:
        """log_probs (R, T) with gradients; advantages (R,) or (R, T) without."""
        advantages = advantages if advantages.dim() == 2 else advantages[:, None]
        per_token, metrics = -advantages.detach() * log_probs, {}
        if entropy is not None:
            per_token = per_token - self.entropy_bonus * entropy
            metrics["entropy_nats"] = masked_sum(entropy, mask)
        return Loss(reduced(per_token, mask, self.reduction), self.count(mask), metrics)
