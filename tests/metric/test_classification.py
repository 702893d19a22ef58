from __future__ import annotations

import pytest
import torch

from lmlab.batch import LabelBatch
from lmlab.metric.classification import ChoiceMetrics, ClassMetrics, NumberMetrics


def about(labels: list[int], values: list[float] | None = None) -> LabelBatch:
    """A batch of which only labels and values are read."""
    nothing, label = torch.zeros(len(labels)), torch.tensor(labels)
    value = nothing if values is None else torch.tensor(values)
    return LabelBatch(nothing, nothing, nothing, label, value, nothing)


def test_figures_and_rows_by_hand():
    metrics = ClassMetrics(["a", "b"])
    said = torch.tensor([0, 0, 1, 1])
    metrics.update(torch.nn.functional.one_hot(said, 2).float(), about([0, 1, 1, 1]))
    found = metrics.compute()
    assert found["accuracy"] == 0.75
    assert found["f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["matthews"] == pytest.approx(2 / (2 * 2 * 1 * 3) ** 0.5)
    assert metrics.rows == [
        {"class": "a", "examples": 1, "said": 2, "right": 1},
        {"class": "b", "examples": 3, "said": 2, "right": 2},
    ]


def test_they_begin_anew():
    metrics = ClassMetrics(["a", "b", "c"])
    for label in (0, 1):
        metrics.update(torch.eye(3)[:1], about([label]))
        assert metrics.compute()["accuracy"] == float(label == 0)


def test_the_right_choice_has_the_highest_score():
    metrics = ChoiceMetrics()
    metrics.update(torch.tensor([[1.0, 0.0, -torch.inf], [0.0, 1.0, 2.0]]), about([0, 1]))
    assert metrics.compute() == {"accuracy": 0.5} and metrics.rows == []


def test_correlations_by_hand():
    metrics = NumberMetrics()
    metrics.update(torch.tensor([[1.0], [2.0], [9.0]]), about([0, 0, 0], [1.0, 2.0, 3.0]))
    found = metrics.compute()
    assert found["spearman"] == pytest.approx(1.0, abs=1e-5)
    assert found["pearson"] == pytest.approx(0.917663, abs=1e-5)


def test_what_does_not_vary_has_no_correlation():
    metrics = NumberMetrics()
    metrics.update(torch.ones(3, 1), about([0, 0, 0], [1.0, 2.0, 3.0]))
    assert metrics.compute() == {"pearson": 0.0, "spearman": 0.0}
