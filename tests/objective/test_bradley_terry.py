from __future__ import annotations

import math

import pytest
import torch

from lmlab.objective.bradley_terry import BradleyTerry, comparison_loss, pairs

RANKS, GROUPS = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 5, 5])
REWARDS = torch.tensor([2.0, 1.0, 3.0, 0.0])


def log_sigmoid(x):
    return -math.log1p(math.exp(-x))


def test_a_comparison_by_hand():
    assert float(comparison_loss(torch.tensor(1.0), torch.tensor(1.0))) == pytest.approx(
        math.log(2)
    )
    found = comparison_loss(torch.tensor(2.0), torch.tensor(1.0), 0.5)
    assert float(found) == pytest.approx(-log_sigmoid(0.5))


def test_it_is_softmax_regression_with_two_classes():
    rewards = torch.randn(50, 2, dtype=torch.float64)
    expected = -rewards.log_softmax(dim=1)[:, 0]
    torch.testing.assert_close(comparison_loss(rewards[:, 0], rewards[:, 1]), expected)


def test_pairs_are_of_one_group_and_ties_are_not_compared():
    better, worse = pairs(torch.tensor([1, 0, 1, 0]), torch.tensor([0, 0, 0, 1]))
    assert list(zip(better.tolist(), worse.tolist(), strict=True)) == [(1, 0), (1, 2)]


def test_loss_and_metrics_by_hand():
    loss = BradleyTerry(margin=0.0, centring=0.0).loss(REWARDS, RANKS, GROUPS)
    assert float(loss.total) == pytest.approx(-log_sigmoid(1) - log_sigmoid(-3))
    assert int(loss.count) == 2 and float(loss.metrics["accuracy"]) == 1
    assert float(loss.metrics["margin"]) == -2
    assert float(loss.metrics["nll"]) == pytest.approx(float(loss.total))


def test_margin_and_centring_by_hand():
    loss = BradleyTerry(margin=0.5, centring=0.1).loss(
        REWARDS, RANKS, GROUPS, margins=torch.tensor([0.0, 2.0, 1.0, 0.0])
    )
    centring = 0.1 * (3**2 + 3**2)
    assert float(loss.total) == pytest.approx(-log_sigmoid(0) - log_sigmoid(-3.5) + centring)
    assert float(loss.metrics["nll"]) == pytest.approx(-log_sigmoid(1) - log_sigmoid(-3))


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="objective.margin=-1"):
        BradleyTerry(margin=-1.0, centring=0.0)
