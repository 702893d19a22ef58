from __future__ import annotations

import math

import pytest
import torch

from lmlab.batch import LabelBatch
from lmlab.objective.classification import Classification, Regression


def batch(label=(0, 1), value=(1.0, 2.0)) -> LabelBatch:
    size = len(label)
    shape = torch.zeros(size, 1, 2, dtype=torch.int64)
    return LabelBatch(
        shape,
        shape[:, :, 0] + 2,
        shape,
        torch.tensor(label),
        torch.tensor(value),
        torch.arange(size),
    )


def test_the_loss_by_hand():
    scores = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    loss = Classification(label_smoothing=0.0).loss(scores, batch())
    assert float(loss.total) == pytest.approx(math.log(4 / 3) + math.log(2))
    assert int(loss.count) == 2 and float(loss.metrics["nll"]) == pytest.approx(float(loss.total))
    assert float(loss.metrics["accuracy"]) == 1.0


def test_smoothing_by_hand_and_against_torch():
    scores, labels = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    about = batch(labels.tolist(), [0.0] * 5)
    loss = Classification(label_smoothing=0.1).loss(scores, about)
    expected = torch.nn.functional.cross_entropy(
        scores, labels, label_smoothing=0.1, reduction="sum"
    )
    torch.testing.assert_close(loss.total, expected)
    plain = torch.nn.functional.cross_entropy(scores, labels, reduction="sum")
    torch.testing.assert_close(loss.metrics["nll"], plain)


def test_choices_that_are_not_there_have_no_say():
    scores = torch.tensor([[1.0, 2.0, -torch.inf]], requires_grad=True)
    for smoothing in (0.0, 0.1):
        loss = Classification(label_smoothing=smoothing).loss(scores, batch((0,), (0.0,)))
        two = Classification(label_smoothing=smoothing).loss(scores[:, :2], batch((0,), (0.0,)))
        torch.testing.assert_close(loss.total, two.total)
        (grad,) = torch.autograd.grad(loss.total, scores)
        assert bool(grad.isfinite().all()) and float(grad[0, 2]) == 0.0


def test_equal_scores_cost_the_logarithm_of_their_number():
    loss = Classification(label_smoothing=0.0).loss(torch.zeros(2, 77), batch())
    assert float(loss.total / loss.count) == pytest.approx(math.log(77))


def test_squared_error_by_hand():
    loss = Regression().loss(torch.tensor([[1.5], [0.0]]), batch())
    assert float(loss.total) == pytest.approx(0.25 + 4.0) and int(loss.count) == 2


def test_losses_of_parts_add_up():
    scores = torch.randn(6, 3)
    whole = batch([0, 1, 2, 0, 1, 2], [0.0] * 6)
    for objective in (Classification(label_smoothing=0.1), Regression()):
        columns = scores[:, :1] if objective.is_numeric else scores
        parts = [
            objective.loss(columns[rows], part)
            for rows, part in zip((slice(0, 4), slice(4, 6)), whole.split(4), strict=True)
        ]
        torch.testing.assert_close(
            sum(part.total for part in parts), objective.loss(columns, whole).total
        )


def test_smoothing_is_a_fraction():
    with pytest.raises(ValueError, match="objective.label_smoothing=1.0 must be 0 to below 1"):
        Classification(label_smoothing=1.0)
