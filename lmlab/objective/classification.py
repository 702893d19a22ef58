"""Telling classes, choices or numbers from scores: the losses of stage=classify."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.batch import LabelBatch, Loss


class Classification:
    """-log softmax(scores)[label], summed over the examples of a batch, in nats.

    label_smoothing: the share of the target that is spread over all classes, 0..1.
    Source: row S3-23, L2(C) = sum log P(y | x^1..x^m).
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder", "encoder_decoder")
    family: ClassVar[str] = "classification"
    uses: ClassVar[tuple[str, ...]] = ("pooler",)
    is_numeric: ClassVar[bool] = False

    def __init__(self, *, label_smoothing: float) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"objective.label_smoothing={label_smoothing} must be 0 to below 1")
        self.label_smoothing = label_smoothing

    def loss(self, scores: Tensor, batch: LabelBatch) -> Loss:
        """scores (B, C) of the classes or choices, -inf where there is none.

        metrics: nll, plain, in nats; accuracy: examples whose label has the highest score.
        """
        log_probs = scores.float().log_softmax(dim=1)
        plain = -log_probs.gather(1, batch.label[:, None]).squeeze(1)
        value = plain
        if self.label_smoothing:
            there = scores > -torch.inf
            spread = -log_probs.masked_fill(~there, 0.0).sum(dim=1) / there.sum(dim=1)
            value = (1 - self.label_smoothing) * plain + self.label_smoothing * spread
        right = (scores.argmax(dim=1) == batch.label).float()
        metrics = {"nll": plain.detach().sum(), "accuracy": right.sum()}
        return Loss(value.sum(), torch.tensor(len(right), device=right.device), metrics)


class Regression:
    """(score - number)^2, summed over the examples of a batch, in the square of the label's unit."""

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder")
    family: ClassVar[str] = "classification"
    uses: ClassVar[tuple[str, ...]] = ("pooler",)
    is_numeric: ClassVar[bool] = True

    def loss(self, scores: Tensor, batch: LabelBatch) -> Loss:
        """scores (B, 1). metrics: nll, which here is the squared error."""
        error = F.mse_loss(scores.float().squeeze(1), batch.value, reduction="sum")
        count = torch.tensor(len(batch.value), device=error.device)
        return Loss(error, count, {"nll": error.detach()})
