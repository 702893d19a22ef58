"""How well labels were told: accuracy, F1 and Matthews by class, correlations for numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import PearsonCorrCoef, SpearmanCorrCoef
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassMatthewsCorrCoef,
)


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

    def update(self, scores: Tensor, label: Tensor) -> None:
        """scores (B, L), label (B,) int64."""
        said = scores.argmax(dim=1)
        for metric in self._all():
            metric.update(said, label)

    def compute(self) -> dict[str, float]:
        """The figures since the last time; begins anew."""
        found = {name: float(getattr(self, name).compute()) for name in ("accuracy", "f1", "matthews")}
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


class NumberMetrics(nn.Module):
    """pearson and spearman, -1..1, and mean_squared_error, of numbers against those told."""

    def __init__(self) -> None:
        super().__init__()
        self.pearson, self.spearman = PearsonCorrCoef(), SpearmanCorrCoef()

    def update(self, scores: Tensor, value: Tensor) -> None:
        """scores (B, 1), value (B,) float32."""
        self.pearson.update(scores.squeeze(1).float(), value)
        self.spearman.update(scores.squeeze(1).float(), value)

    def compute(self) -> dict[str, float]:
        """The figures since the last time; begins anew. 0 where one side does not vary."""
        found = {
            name: float(torch.nan_to_num(getattr(self, name).compute()))
            for name in ("pearson", "spearman")
        }
        self.pearson.reset()
        self.spearman.reset()
        return found
