from __future__ import annotations

import math

import pytest
import torch

from lmlab.objective.ppo_clip import PPOClip, clipped, clipped_objective

MASK = torch.tensor([[True, True], [True, False]])


def objective(**changes):
    keys = {"clip": 0.2, "entropy_bonus": 0.0, "value_clip": None, "reduction": "token"}
    return PPOClip(**(keys | changes))


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [(1.5, 2.0, 2.4), (0.5, 2.0, 1.0), (1.5, -2.0, -3.0), (0.5, -2.0, -1.6), (1.1, 2.0, 2.2)],
)
def test_by_hand(ratio, advantage, expected):
    found = clipped_objective(torch.tensor(ratio), torch.tensor(advantage), 0.2, 0.2)
    assert float(found) == pytest.approx(expected)


def by_sign(ratio, advantage, low, high):
    """The other printed form: min(ratio, 1 + high) A where A >= 0, else max(ratio, 1 - low) A."""
    bounded = torch.where(advantage >= 0, ratio.clamp(max=1 + high), ratio.clamp(min=1 - low))
    return bounded * advantage


def test_the_two_printed_forms_agree_on_a_grid():
    ratio = torch.linspace(0, 3, 301, dtype=torch.float64)[:, None]
    advantage = torch.linspace(-2, 2, 81, dtype=torch.float64)[None, :]
    for low, high in ((0.2, 0.2), (0.2, 0.28), (0.5, 0.1)):
        one = clipped_objective(ratio, advantage, low, high)
        other = by_sign(ratio, advantage, low, high)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-15)


def test_where_the_gradient_is_gone_and_only_there():
    ratio = torch.tensor([1.5, 0.5, 1.5, 0.5, 1.0], requires_grad=True)
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0, 0.0])
    clipped_objective(ratio, advantage, 0.2, 0.2).sum().backward()
    assert clipped(ratio, advantage, 0.2, 0.2).tolist() == [True, False, False, True, False]
    assert ratio.grad.tolist() == [0, 1, -1, 0, 0]


def test_at_the_old_policy_the_gradient_is_the_plain_policy_gradient():
    log_probs = torch.tensor([[-1.0, -2.0], [-0.5, 9.0]], requires_grad=True)
    advantages = torch.tensor([[2.0, -1.0], [3.0, 9.0]])
    loss = objective().policy_loss(log_probs, log_probs.detach(), advantages, MASK)
    loss.total.backward()
    assert log_probs.grad.tolist() == [[-2.0, 1.0], [-3.0, 0.0]]
    assert float(loss.metrics["ratio"]) == 3 and float(loss.metrics["old_kl_nats"]) == 0
    assert float(loss.metrics["clip_fraction"]) == 0 and int(loss.count) == 3


def test_loss_and_metrics_by_hand():
    old = torch.zeros(2, 2)
    log_probs = torch.tensor([[math.log(1.5), 0.0], [math.log(0.5), 9.0]])
    advantages = torch.tensor([[1.0, 2.0], [1.0, 9.0]])
    loss = objective().policy_loss(log_probs, old, advantages, MASK)
    assert float(loss.total) == pytest.approx(-(1.2 + 2.0 + 0.5))
    assert float(loss.metrics["clip_fraction"]) == 1
    both = objective(reduction="sequence").policy_loss(log_probs, old, advantages, MASK)
    assert float(both.total) == pytest.approx(-(1.6 + 0.5)) and int(both.count) == 2


def test_the_entropy_bonus_is_taken_off():
    zero, entropy = torch.zeros(2, 2), torch.full((2, 2), 0.5)
    loss = objective(entropy_bonus=0.1).policy_loss(zero, zero, zero, MASK, entropy)
    assert float(loss.total) == pytest.approx(-0.15)
    assert float(loss.metrics["entropy_nats"]) == 1.5


def test_the_value_loss_is_half_the_square():
    loss = objective().value_loss(
        torch.zeros(2, 2), torch.zeros(2, 2), torch.tensor([[2.0, 4.0], [1.0, 99.0]]), MASK
    )
    assert float(loss.total) == 2 + 8 + 0.5 and float(loss.metrics["value_clip_fraction"]) == 0


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="objective.clip=0"):
        objective(clip=0.0)
    with pytest.raises(ValueError, match="objective.value_clip=-1"):
        objective(value_clip=-1.0)
