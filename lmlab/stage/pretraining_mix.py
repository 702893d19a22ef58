"""Pretraining text mixed into the updates of a policy (PPO-ptx)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch

from lmlab.batch import Batch, Loss
from lmlab.stage.training import head_of
from lmlab.stage.updates import Term


class PretrainingMix:
    """weight * the mean cross entropy of pretraining text (eta of row S0-31, gamma of row S3-58).

    schedule: `together` adds its gradient to every update of the policy, `alternating` makes an
    update of its own after each ("simultaneously or in alternating fashion"). Update u of a run
    reads batch u of the corpus, whatever happened before.
    """

    def __init__(
        self,
        corpus: Any,
        objective: Any,
        *,
        weight: float,
        schedule: Literal["together", "alternating"],
        micro: int,
    ) -> None:
        if not weight > 0:
            raise ValueError(
                f"stage.ptx_weight={weight} must be above 0; variant=kl mixes nothing in"
            )
        self.corpus, self.objective = corpus, objective
        self.weight, self.schedule, self.micro = weight, schedule, micro
        self.batches = corpus.train_batches()

    def into(
        self, updates: list[list[Term]], arch: Any, step: int, device: torch.device
    ) -> list[list[Term]]:
        """The updates of phase `step` with this text mixed in."""
        mixed = []
        for index, terms in enumerate(updates):
            own = self.term(arch, step * len(updates) + index, device)
            mixed += [[*terms, own]] if self.schedule == "together" else [terms, [own]]
        return mixed

    def term(self, arch: Any, number: int, device: torch.device) -> Term:
        """The loss of batch `number` of the corpus."""
        batch = self.batches[number].map(lambda tensor: tensor.to(device))
        return Term(batch, self.score_of(arch), batch.mask.sum(), self.weight, self.micro)

    def score_of(self, arch: Any) -> Callable[[Batch], Loss]:
        """The objective's loss of an architecture on a micro-batch."""

        def score(batch: Any) -> Loss:
            loss = self.objective.loss(arch(*batch.inputs), head_of(arch), batch)
            return Loss(loss.total, loss.count, {"ptx_loss_nats": loss.metrics["nll"]})

        return score
