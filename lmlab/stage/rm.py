"""Reward modelling: a scalar for a prompt with its answer, learned from comparisons."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import CatMetric

from lmlab.batch import Loss, RankedBatch
from lmlab.metric.calibration import calibration_curve, calibration_error
from lmlab.stage.freeze import freeze_unread
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan
from lmlab.stage.reward_head import RewardHead, rewards
from lmlab.stage.training import Training


class RewardModel(Training):
    """An architecture and a reward head, trained on which of two answers was preferred.

    Every completion goes through the model once, whatever the number of pairs it is in (row S3-57).
    Validation: loss, accuracy, margin, calibration, and accuracy on labellers never trained on.
    """

    # Kinds of architecture beside which a head trains.
    trains_head: ClassVar[tuple[str, ...]] = ("decoder", "encoder")
    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder"),
        "objective": ("comparison",),
        "data": ("comparisons",),
    }

    def __init__(
        self,
        *,
        arch: Any,
        objective: Any,
        optim: Any,
        plan: Plan,
        guard: Guard,
        data: Any,
        num_validations: int,
        log_every_steps: int,
    ) -> None:
        super().__init__(
            arch=arch,
            optim=optim,
            plan=plan,
            guard=guard,
            num_validations=num_validations,
            log_every_steps=log_every_steps,
        )
        self.objective, self.data = objective, data
        self.reward_head = RewardHead(arch.width)
        self.has_margins = any((each.comparison.margin or 0) > 0 for each in data.train_examples)
        # (N, 2): by how much the best answer won, and the labeller's number.
        self.val_found = CatMetric(nan_strategy="disable").set_dtype(torch.float64)
        self._sums = torch.zeros(4, dtype=torch.float64)
        example = data.collate(list(data.train_examples[:1]), None)
        freeze_unread(self, lambda: self.rewards(example)[0].sum())

    @property
    def trained(self) -> nn.Module:
        """The architecture and the head."""
        return self

    def rewards(self, batch: RankedBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Rewards (N,) of the completions that are there, with their rows and columns in (B, K)."""
        row, column = (batch.lengths > 0).nonzero(as_tuple=True)
        tokens, lengths = batch.tokens[row, column], batch.lengths[row, column]
        parts = self.num_passes(
            batch.lengths, 2 * len(batch.lengths)
        )  # two completions or more each
        found = rewards(self.arch, self.reward_head, tokens, lengths, parts)
        return found, row, column

    def score(self, batch: RankedBatch) -> Loss:
        """The objective's loss on one micro-batch."""
        found, row, column = self.rewards(batch)
        ranks = batch.ranks[row, column]
        margins = batch.margin[row] if self.has_margins else None
        return self.objective.loss(found, ranks, row, margins)

    def count(self, batch: RankedBatch) -> Tensor:
        """Pairs, or prompts, as the objective counts."""
        row, column = (batch.lengths > 0).nonzero(as_tuple=True)
        return self.objective.count(batch.ranks[row, column], row)

    def step_tokens(self, batch: RankedBatch) -> int:
        """Real tokens of this share, times the number of shares."""
        return int(batch.lengths.sum()) * self.data.world_size

    # ---- validation

    def validation_step(self, batch: RankedBatch, batch_idx: int) -> None:
        for micro, counts in self.validation_parts(batch):
            found, row, column = self.rewards(micro)
            if not counts:
                continue
            loss = self.objective.loss(found, micro.ranks[row, column], row)
            self._sums += torch.stack(
                [loss.metrics["nll"], loss.metrics["accuracy"], loss.metrics["margin"], loss.count]
            ).to("cpu", torch.float64)
            best = micro.ranks.argmin(dim=1)
            page = torch.full(micro.ranks.shape, torch.nan)
            page[row.cpu(), column.cpu()] = found.float().cpu()
            worst = (micro.ranks.masked_fill(micro.lengths == 0, -1)).argmax(dim=1)
            index = torch.arange(len(page))
            difference = page[index, best.cpu()] - page[index, worst.cpu()]
            both = torch.stack([difference.double(), micro.labeller.cpu().double()], dim=1)
            self.val_found.update(both.to(self.device))

    def on_validation_epoch_end(self) -> None:
        sums = self._sum_over_ranks(self._sums.to(self.device)).cpu()
        count = max(1.0, float(sums[3]))
        metrics = {
            "val/loss_nats": float(sums[0]) / count,
            "val/accuracy": float(sums[1]) / count,
            "val/margin": float(sums[2]) / count,
        }
        metrics |= self._calibration()
        self._sums = torch.zeros_like(self._sums)
        self.validated(metrics)

    def _calibration(self) -> dict[str, float]:
        """Of the best answer against the worst one of each prompt, over all processes."""
        difference, labeller = self.val_found.compute().cpu().unbind(dim=1)
        self.val_found.reset()
        self.calibration = calibration_curve(difference.numpy())
        metrics = {"val/calibration_error": calibration_error(self.calibration)}
        known = {each.comparison.labeller for each in self.data.train_examples} - {""}
        names = self.data.labellers
        new = torch.tensor([n >= 0 and names[n] not in known for n in labeller.long().tolist()])
        if bool(new.any()) and not bool(new.all()):
            right = (difference > 0).double() + 0.5 * (difference == 0)
            metrics["val/accuracy_new_labellers"] = float(right[new].mean())
            metrics["val/accuracy_known_labellers"] = float(right[~new].mean())
        return metrics
