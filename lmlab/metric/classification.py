"""How well labels were told: accuracy, F1 and Matthews by class, correlations for numbers."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, PearsonCorrCoef, SpearmanCorrCoef
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassMatthewsCorrCoef,
)

from lmlab.batch import LabelBatch


class ClassMetrics(nn.Module):
    """accuracy; f1, the mean over classes; matthews, the correlation with the truth, -1..1.

    rows: of every class how often it was right, said, and both. Summed over all processes.
    """

    def __init__(self, labels: list[str]) -> None:
        super().__init__()
        self.labels, number = labels, max(2, len(labels))
        self.accuracy = MulticlassAccuracy(number, average="micro")
        self.f1 = MulticlassF1Score(number, average="macro")
        self.matthews = MulticlassMatthewsCorrCoef(number)
        self.confusion = MulticlassConfusionMatrix(number)
        self.rows: list[dict[str, Any]] = []

    def update(self, scores: Tensor, batch: LabelBatch) -> None:
        """scores (B, L)."""
        said = scores.argmax(dim=1)
        for metric in self._all():
            metric.update(said, batch.label)

    def compute(self) -> dict[str, float]:
        """The figures since the last time; begins anew."""
        found = {
            name: float(getattr(self, name).compute()) for name in ("accuracy", "f1", "matthews")
        }
        table = self.confusion.compute().cpu()
        self.rows = [
            {
                "class": label,
                "examples": int(table[place].sum()),
                "said": int(table[:, place].sum()),
                "right": int(table[place, place]),
            }
            for place, label in enumerate(self.labels)
        ]
        for metric in self._all():
            metric.reset()
        return found

    def _all(self) -> tuple[Any, ...]:
        return self.accuracy, self.f1, self.matthews, self.confusion


class ChoiceMetrics(nn.Module):
    """accuracy: the share of examples whose right choice has the highest score."""

    def __init__(self) -> None:
        super().__init__()
        self.right = MeanMetric()
        self.rows: list[dict[str, Any]] = []

    def update(self, scores: Tensor, batch: LabelBatch) -> None:
        """scores (B, C)."""
        self.right.update((scores.argmax(dim=1) == batch.label).float())

    def compute(self) -> dict[str, float]:
        """The figure since the last time; begins anew."""
        found = float(self.right.compute())
        self.right.reset()
        return {"accuracy": found}


class NumberMetrics(nn.Module):
    """pearson and spearman, -1..1, of numbers with those told."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        with warnings.catch_warnings():  # it says that it keeps all numbers, which are few here
            warnings.simplefilter("ignore")
            self.pearson, self.spearman = PearsonCorrCoef(), SpearmanCorrCoef()

    def update(self, scores: Tensor, batch: LabelBatch) -> None:
        """scores (B, 1), compared with the batch's values."""
        self.pearson.update(scores.squeeze(1).float(), batch.value)
        self.spearman.update(scores.squeeze(1).float(), batch.value)

    def compute(self) -> dict[str, float]:
        """The figures since the last time; begins anew. 0 where one side does not vary."""
        with warnings.catch_warnings():  # and that numbers which do not vary have none
            warnings.simplefilter("ignore")
            found = {
                name: float(torch.nan_to_num(getattr(self, name).compute()))
                for name in ("pearson", "spearman")
            }
        self.pearson.reset()
        self.spearman.reset()
        return found
