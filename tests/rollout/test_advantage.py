from __future__ import annotations

import pytest
import torch

from lmlab.rollout.advantage import (
    at_end,
    end_targets,
    explained_variance,
    gae,
    group_advantage,
    group_std,
    kl_in_advantage,
    no_signal,
    penalised,
    reward_minus_value,
    rloo_advantage,
    value_targets,
    whiten,
)

MASK = torch.tensor([[True, True, True], [True, True, False]])
REWARD = torch.tensor([2.0, -1.0])
VALUES = torch.tensor([[0.5, 1.0, 1.5], [0.0, 0.5, 99.0]])
GROUP = torch.tensor([0, 0, 0, 7, 7])
SCORES = torch.tensor([1.0, 2.0, 6.0, 5.0, 5.0])


def test_the_reward_is_at_the_last_token_that_counts():
    assert at_end(REWARD, MASK).tolist() == [[0, 0, 2], [0, -1, 0]]


def test_the_penalty_is_at_every_token():
    kl = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]])
    expected = [[-0.1, -0.2, 1.7], [-0.4, -1.5, 0]]
    torch.testing.assert_close(penalised(REWARD, kl, MASK, 0.1), torch.tensor(expected))


def test_gae_by_hand():
    advantages = gae(at_end(REWARD, MASK), VALUES, MASK, discount=0.9, lam=0.5)
    last = 2 - 1.5
    middle = 0.9 * 1.5 - 1.0 + 0.45 * last
    first = 0.9 * 1.0 - 0.5 + 0.45 * middle
    assert advantages[0].tolist() == pytest.approx([first, middle, last])
    assert advantages[1].tolist() == pytest.approx([0.45 + 0.45 * -1.5, -1.5, 0.0])


def test_with_discount_and_lambda_1_gae_is_reward_minus_value():
    advantages = gae(at_end(REWARD, MASK), VALUES, MASK, discount=1.0, lam=1.0)
    torch.testing.assert_close(advantages, reward_minus_value(REWARD, VALUES, MASK))
    torch.testing.assert_close(value_targets(advantages, VALUES, MASK), end_targets(REWARD, MASK))


def test_both_places_of_the_kl_give_one_advantage_at_discount_and_lambda_1():
    ratio = torch.tensor([[0.1, -0.2, 0.4], [0.3, 0.5, 9.0]])
    in_reward = gae(penalised(REWARD, ratio, MASK, 0.5), VALUES, MASK, discount=1.0, lam=1.0)
    printed = kl_in_advantage(REWARD, ratio, VALUES, MASK, 0.5)
    torch.testing.assert_close(in_reward, printed)
    assert float(printed[0, 0]) == pytest.approx(2 - 0.5 * 0.3 - 0.5)
    assert float(printed[1, 1]) == pytest.approx(-1 - 0.25 - 0.5) and printed[1, 2] == 0


def test_whitening():
    values = whiten(VALUES, MASK)
    assert float(values[MASK].mean()) == pytest.approx(0, abs=1e-6)
    assert float(values[MASK].var(correction=0)) == pytest.approx(1, abs=1e-4)
    assert values[1, 2] == 0
    shifted = whiten(VALUES, MASK, centred=False)
    assert float(shifted[MASK].mean()) == pytest.approx(0.7, abs=1e-6)
    one = torch.tensor([[True, False, False], [False] * 3])
    assert whiten(VALUES, one)[0].tolist() == [0.5, 0, 0]


def test_group_advantages_by_hand():
    plain = group_advantage(SCORES, GROUP, divide_by_std=False)
    assert plain.tolist() == [-2, -1, 3, 0, 0]
    scaled = group_advantage(SCORES, GROUP, divide_by_std=True)
    assert scaled.tolist() == pytest.approx([-2 / 7**0.5, -1 / 7**0.5, 3 / 7**0.5, 0, 0], abs=1e-3)
    assert group_advantage(torch.ones(1), torch.zeros(1, dtype=torch.long), divide_by_std=True) == 0


def test_leave_one_out_by_hand():
    assert rloo_advantage(SCORES, GROUP).tolist() == [-3, -1.5, 4.5, 0, 0]
    assert rloo_advantage(torch.tensor([3.0]), torch.tensor([4])).tolist() == [3]


@pytest.mark.parametrize(
    "make", [lambda r, g: group_advantage(r, g, divide_by_std=True), rloo_advantage]
)
def test_advantages_of_a_group_sum_to_zero_whatever_the_order(make):
    reward, group = torch.randn(12), torch.arange(12) % 3
    advantage = make(reward, group)
    sums = torch.zeros(3).index_add(0, group, advantage)
    torch.testing.assert_close(sums, torch.zeros(3), atol=1e-5, rtol=0)
    order = torch.randperm(12)
    torch.testing.assert_close(make(reward[order], group[order]), advantage[order])


def test_groups_without_a_signal():
    assert no_signal(SCORES, GROUP).tolist() == [False, False, False, True, True]


def test_explained_variance():
    targets = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 0.0]])
    assert float(explained_variance(targets, targets, MASK)) == 1
    assert float(explained_variance(torch.zeros(2, 3), targets, MASK)) == pytest.approx(0)
    assert float(explained_variance(targets, torch.ones(2, 3), MASK)) == 0


def test_the_std_of_a_group_by_hand():
    found = group_std(torch.tensor([0.0, 5.0, 1.0, 7.0]), torch.tensor([3, 1, 3, 0]))
    assert found.tolist() == pytest.approx([0.5**0.5, 0.0, 0.5**0.5, 0.0])
