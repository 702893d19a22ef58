from __future__ import annotations

import math

import pytest
import torch

from lmlab.objective.bradley_terry import BradleyTerry
from lmlab.objective.ranked_bradley_terry import RankedBradleyTerry


def ranked(**changes):
    return RankedBradleyTerry(**({"margin": 0.0, "centring": 0.0} | changes))


def log_sigmoid(x):
    return -math.log1p(math.exp(-x))


def test_three_completions_by_hand():
    rewards, ranks = torch.tensor([1.0, 3.0, 2.0]), torch.tensor([2, 0, 1])
    loss = ranked().loss(rewards, ranks, torch.zeros(3, dtype=torch.long))
    expected = -(log_sigmoid(1) + log_sigmoid(2) + log_sigmoid(1)) / 3
    assert float(loss.total) == pytest.approx(expected)
    assert int(loss.count) == 1 and float(loss.metrics["accuracy"]) == pytest.approx(1)


@pytest.mark.parametrize("changes", [{}, {"margin": 0.3, "centring": 0.1}])
def test_with_two_completions_it_is_the_pair_loss(changes):
    rewards, ranks = torch.randn(20), torch.tensor([0, 1] * 10)
    groups = torch.arange(10).repeat_interleave(2)
    one = ranked(**changes).loss(rewards, ranks, groups)
    other = BradleyTerry(**({"margin": 0.0, "centring": 0.0} | changes)).loss(
        rewards, ranks, groups
    )
    torch.testing.assert_close(one.total, other.total)
    assert int(one.count) == int(other.count) == 10
    for name, value in one.metrics.items():
        torch.testing.assert_close(value, other.metrics[name])


def test_the_order_of_completions_does_not_matter():
    groups = torch.tensor([0] * 4 + [1] * 2 + [2] * 5)
    ranks = torch.tensor([0, 1, 2, 3, 1, 0, 4, 3, 2, 1, 0])
    rewards = torch.randn(11, dtype=torch.float64, requires_grad=True)
    loss = ranked().loss(rewards, ranks, groups)
    (grad,) = torch.autograd.grad(loss.total, rewards)
    order = torch.randperm(11)
    other = ranked().loss(rewards[order], ranks[order], groups[order])
    (other_grad,) = torch.autograd.grad(other.total, rewards)
    torch.testing.assert_close(loss.total, other.total)
    torch.testing.assert_close(grad, other_grad)


def test_every_prompt_weighs_the_same_and_ties_are_left_out():
    zeros = torch.zeros(7)
    groups, ranks = torch.tensor([0] * 4 + [1] * 2 + [2]), torch.tensor([0, 1, 2, 2, 0, 1, 0])
    loss = ranked().loss(zeros, ranks, groups)
    assert int(loss.count) == 2 and float(loss.total) == pytest.approx(2 * math.log(2))


def test_nothing_to_compare_is_a_loss_of_zero():
    loss = ranked().loss(torch.zeros(2), torch.zeros(2), torch.arange(2))
    assert float(loss.total) == 0 and int(loss.count) == 0
