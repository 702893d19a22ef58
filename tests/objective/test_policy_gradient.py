from __future__ import annotations

import pytest
import torch

from lmlab.objective.policy_gradient import PolicyGradient

MASK = torch.tensor([[True, True], [True, False]])


def objective(**changes):
    return PolicyGradient(
        **({"baseline": "rloo", "entropy_bonus": 0.0, "reduction": "sum"} | changes)
    )


@pytest.mark.parametrize(("reduction", "count"), [("sum", 2), ("token", 3)])
def test_the_gradient_is_minus_the_advantage(reduction, count):
    log_probs = torch.tensor([[-1.0, -2.0], [-3.0, 7.0]], requires_grad=True)
    loss = objective(reduction=reduction).loss(log_probs, torch.tensor([2.0, -1.0]), MASK)
    loss.total.backward()
    assert float(loss.total) == 2 * 3 - 3 and int(loss.count) == count
    assert log_probs.grad.tolist() == [[-2.0, -2.0], [1.0, 0.0]]


def test_its_expectation_is_the_gradient_of_the_expected_reward():
    logits, reward = (
        torch.tensor([0.3, -0.2, 0.5], requires_grad=True),
        torch.tensor([1.0, 4.0, 2.0]),
    )
    shares = logits.softmax(0)
    (exact,) = torch.autograd.grad(-(shares * reward).sum(), logits, retain_graph=True)
    for shift in (0.0, 10.0):  # a baseline changes nothing in expectation
        every = objective().loss(
            logits.log_softmax(0)[:, None],
            shares.detach() * (reward - shift),
            torch.ones(3, 1, dtype=torch.bool),
        )
        (got,) = torch.autograd.grad(every.total, logits, retain_graph=True)
        torch.testing.assert_close(got, exact)


def test_the_entropy_bonus_is_taken_off():
    loss = objective(entropy_bonus=0.5).loss(
        torch.zeros(2, 2), torch.zeros(2), MASK, torch.ones(2, 2)
    )
    assert float(loss.total) == -1.5 and float(loss.metrics["entropy_nats"]) == 3
