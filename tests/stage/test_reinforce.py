"""REINFORCE: its baselines, and that its gradient is that of the expected reward."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.objective.policy_gradient import PolicyGradient
from lmlab.stage.reinforce import Reinforce
from tests.stage.tiny_policy import make_policy, phase_of


def with_baseline(baseline: Any, **changes: Any) -> Any:
    objective = PolicyGradient(baseline=baseline, entropy_bonus=0.0, reduction="sum")
    return make_policy(Reinforce, objective=objective, **changes)


def test_baselines_are_taken_off_the_reward():
    rewards, group = torch.tensor([1.0, 0.0, 1.0, 1.0]), torch.tensor([0, 0, 1, 1])
    found = {}
    for name in ("none", "mean", "rloo"):
        stage = with_baseline(name)
        phase_of(stage)
        found[name] = stage.advantages(rewards, group).tolist()
    assert found["none"] == [1.0, 0.0, 1.0, 1.0]
    assert found["mean"] == [0.25, -0.75, 0.25, 0.25]
    assert found["rloo"] == [1.0, -1.0, 0.0, 0.0]


def test_its_mean_gradient_is_that_of_the_expected_reward():
    """One token, ten thousand draws: against the exact gradient of the mean reward."""
    stage = with_baseline("mean", max_new_tokens=1, num_samples=4000, prompts=1)
    stage.micro_responses = 5000
    term = phase_of(stage)[0][0]
    (term.score(term.batch).total / term.count).backward()
    found = stage.arch.unembedding.weight.grad.clone()
    stage.zero_grad()
    hidden = stage.arch(torch.tensor([[11, 0]]))[0, -1]
    chances = stage.arch.unembed(hidden).softmax(dim=-1)
    (-chances[[0, 2, 4, 6, 8]].sum()).backward()
    exact = stage.arch.unembedding.weight.grad
    cosine = torch.nn.functional.cosine_similarity(found.flatten(), exact.flatten(), dim=0)
    assert float(cosine) > 0.95
    assert float(found.norm() / exact.norm()) == pytest.approx(1, abs=0.2)


def test_the_kl_is_taken_off_the_reward_of_an_answer():
    plain, with_kl = (with_baseline("none", kl_coefficient=c) for c in (0.0, 0.5))
    for stage in (plain, with_kl):
        with torch.no_grad():
            next(stage.arch.parameters()).mul_(1.5)
    a, b = (phase_of(stage)[0][0].batch for stage in (plain, with_kl))
    log_probs = plain.scores(plain.arch, a).log_probs
    kl = (log_probs - a.reference).sum(dim=1)
    torch.testing.assert_close(a.advantages[:, 0] - b.advantages[:, 0], 0.5 * kl)


def test_rloo_needs_two_answers_and_a_coefficient_is_not_negative():
    with pytest.raises(ValueError, match="objective.baseline=rloo needs stage.num_samples of 2"):
        with_baseline("rloo", num_samples=1)
    with pytest.raises(ValueError, match="stage.kl_coefficient=-1"):
        with_baseline("none", kl_coefficient=-1.0)
