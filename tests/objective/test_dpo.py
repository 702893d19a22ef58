from __future__ import annotations

import math

import pytest
import torch

from lmlab.objective.dpo import DPO

CHOSEN, REJECTED = torch.tensor([-10.0, -8.0]), torch.tensor([-12.0, -8.0])
REFERENCE = torch.tensor([-11.0, -9.0]), torch.tensor([-11.0, -7.0])


def objective(**changes):
    keys = {
        "beta": 0.5,
        "label_smoothing": 0.0,
        "reference_free": False,
        "kind_of_loss": "sigmoid",
    }
    return DPO(**(keys | changes))


def log_sigmoid(x):
    return -math.log1p(math.exp(-x))


def test_by_hand():
    loss = objective().loss(CHOSEN, REJECTED, *REFERENCE)
    margins = [0.5 * (1 - -1), 0.5 * (1 - -1)]
    assert float(loss.total) == pytest.approx(-sum(map(log_sigmoid, margins)))
    assert int(loss.count) == 2 and float(loss.metrics["accuracy"]) == 2
    assert float(loss.metrics["margin"]) == pytest.approx(2)
    assert float(loss.metrics["chosen_reward"]) == pytest.approx(1)


def test_at_the_reference_the_loss_is_log_2_and_the_gradient_half_beta():
    chosen = CHOSEN.clone().requires_grad_()
    loss = objective().loss(chosen, REJECTED, CHOSEN, REJECTED)
    loss.total.backward()
    assert float(loss.total) == pytest.approx(2 * math.log(2))
    assert chosen.grad.tolist() == [-0.25, -0.25]
    assert float(loss.metrics["accuracy"]) == 1  # ties are half right


def test_label_smoothing_by_hand():
    loss = objective(label_smoothing=0.1).loss(
        CHOSEN[:1], REJECTED[:1], *(r[:1] for r in REFERENCE)
    )
    assert float(loss.total) == pytest.approx(-0.9 * log_sigmoid(1) - 0.1 * log_sigmoid(-1))


def test_ipo_by_hand():
    loss = objective(kind_of_loss="ipo").loss(CHOSEN, REJECTED, *REFERENCE)
    assert float(loss.total) == pytest.approx(2 * (2 - 1 / (2 * 0.5)) ** 2)


def test_without_a_reference():
    loss = objective(reference_free=True).loss(CHOSEN, REJECTED)
    assert float(loss.total) == pytest.approx(-log_sigmoid(1.0) + math.log(2))
    with pytest.raises(ValueError, match="needs a reference policy"):
        objective().loss(CHOSEN, REJECTED)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"beta": 0.0}, "objective.beta=0"),
        ({"label_smoothing": 0.5}, "objective.label_smoothing=0.5"),
        ({"label_smoothing": 0.1, "kind_of_loss": "ipo"}, "has no effect"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        objective(**changes)
