from __future__ import annotations

import math

import pytest
import torch

from lmlab.objective.group_relative import GroupRelative

MASK = torch.tensor([[True, True, True, True], [True, False, False, False]])
ZERO = torch.zeros(2, 4)
ADVANTAGES = torch.tensor([1.0, -1.0])


def objective(**changes):
    keys = {
        "clip_low": 0.2,
        "clip_high": 0.2,
        "kl_weight": 0.0,
        "divide_by_std": True,
        "reduction": "sequence",
        "max_tokens": None,
    }
    return GroupRelative(**(keys | changes))


@pytest.mark.parametrize(
    ("changes", "total", "count"),
    [
        ({}, -1.0 + 1.0, 2),
        ({"reduction": "token"}, -4.0 + 1.0, 5),
        ({"reduction": "constant", "max_tokens": 10}, -0.3, 2),
    ],
)
def test_the_three_means_by_hand(changes, total, count):
    loss = objective(**changes).loss(ZERO, ZERO, None, ADVANTAGES, MASK)
    assert float(loss.total) == pytest.approx(total) and int(loss.count) == count


def test_the_kl_is_k3_and_zero_at_the_reference():
    same = objective(kl_weight=1.0).loss(ZERO, ZERO, ZERO, 0 * ADVANTAGES, MASK)
    assert float(same.total) == 0 and float(same.metrics["kl_nats"]) == 0
    away = torch.full((2, 4), math.log(2.0))
    loss = objective(kl_weight=0.5).loss(away, away, ZERO, 0 * ADVANTAGES, MASK)
    k3 = 0.5 - 1 + math.log(2)
    assert float(loss.metrics["kl_nats"]) == pytest.approx(5 * k3, rel=1e-5)
    assert float(loss.total) == pytest.approx(0.5 * 2 * k3, rel=1e-5)


def test_at_the_old_policy_the_gradient_is_the_plain_policy_gradient():
    log_probs = torch.zeros(2, 4, requires_grad=True)
    loss = objective(reduction="token", kl_weight=0.3).loss(log_probs, ZERO, ZERO, ADVANTAGES, MASK)
    loss.total.backward()
    assert log_probs.grad.tolist() == [[-1.0] * 4, [1.0, 0, 0, 0]]


def test_clip_higher_lets_likelier_tokens_grow():
    up = torch.full((2, 4), math.log(1.25))
    cut = objective().loss(up, ZERO, None, torch.ones(2), MASK).metrics["clip_fraction"]
    free = objective(clip_high=0.28).loss(up, ZERO, None, torch.ones(2), MASK)
    assert float(cut) == 5 and float(free.metrics["clip_fraction"]) == 0


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="objective.reduction=constant needs objective.max_tokens"):
        objective(reduction="constant")
    with pytest.raises(ValueError, match="objective.clip_low=2"):
        objective(clip_low=2.0)
    with pytest.raises(ValueError, match="objective.kl_weight=-1"):
        objective(kl_weight=-1.0)
    with pytest.raises(ValueError, match="needs a reference policy"):
        objective(kl_weight=1.0).loss(ZERO, ZERO, None, ADVANTAGES, MASK)
