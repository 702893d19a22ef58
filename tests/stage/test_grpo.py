"""GRPO: groups, what is left out of the mean, when the reference is run."""

from __future__ import annotations

import pytest
import torch

from lmlab.objective.group_relative import GroupRelative
from lmlab.stage.grpo import GRPO
from tests.stage.tiny_policy import fit, make_policy, phase_of


def without_kl() -> GroupRelative:
    return GroupRelative(
        clip_low=0.2,
        clip_high=0.28,
        kl_weight=0.0,
        divide_by_std=False,
        reduction="token",
        max_tokens=None,
    )


def test_advantages_of_a_group_sum_to_0_and_go_to_every_token():
    batch = phase_of(make_policy(GRPO))[0][0].batch
    by_group = batch.advantages[:, 0].reshape(8, 4)
    torch.testing.assert_close(by_group.sum(dim=1), torch.zeros(8), atol=1e-4, rtol=0)
    assert torch.equal(batch.advantages, batch.advantages[:, :1] * batch.mask)
    assert batch.old_log_probs is None and batch.reference is not None


def test_several_updates_keep_the_log_probabilities_of_when_the_answers_were_drawn():
    stage = make_policy(GRPO, epochs=2)
    first, second = (terms[0].batch for terms in phase_of(stage))
    torch.testing.assert_close(
        first.old_log_probs, stage.scores(stage.arch, first).log_probs, atol=1e-6, rtol=0
    )
    assert torch.equal(first.old_log_probs, second.old_log_probs)
    fit(make_policy(GRPO, epochs=2, num_steps=2), 2)


def test_groups_without_a_signal_and_cut_answers_can_be_left_out():
    stage = make_policy(GRPO, drop_no_signal=True, objective=without_kl())
    batch = phase_of(stage)[0][0].batch
    flat = (batch.advantages == 0).all(dim=1) & (batch.mask.sum(dim=1) > 0)
    assert bool(flat.any()) and not bool(batch.learned[flat].any())
    assert torch.equal(batch.learned[~flat], batch.mask[~flat])
    cut = phase_of(make_policy(GRPO, drop_unfinished=True))[0][0].batch
    ends = ((cut.response == 11) & cut.mask).any(dim=1)
    assert torch.equal(cut.learned.any(dim=1), ends)


def test_a_step_without_any_signal_moves_nothing():
    stage = make_policy(GRPO, num_steps=1, drop_no_signal=True, objective=without_kl())
    stage.reward = lambda prompts, texts, answers: [1.0] * len(texts)
    before = [p.clone() for p in stage.arch.parameters()]
    fit(stage, 1)
    assert stage.latest["policy/no_signal_fraction"] == 1
    for a, b in zip(before, stage.arch.parameters(), strict=True):
        assert torch.equal(a, b)


def test_without_kl_the_reference_is_run_for_the_log_alone_or_not_at_all():
    stage = make_policy(GRPO, objective=without_kl(), log_every_steps=2, num_steps=9)
    assert phase_of(stage, step=3)[0][0].batch.reference is not None
    assert phase_of(stage, step=4)[0][0].batch.reference is None
    assert make_policy(GRPO, objective=without_kl(), track_kl=False).reference is None


def test_a_group_of_one_is_refused():
    with pytest.raises(ValueError, match="stage.num_samples=1: a group needs 2"):
        make_policy(GRPO, num_samples=1)


def test_the_spread_within_groups_is_logged_beside_that_of_all_answers():
    stage = make_policy(GRPO)
    batch = phase_of(stage)[0][0].batch
    found = stage.figures()
    rewards = stage._sums["policy/reward"]
    assert found["policy/group_reward_std"] > 0 and float(rewards[1]) == len(batch.mask)
    alone = make_policy(GRPO, reward=lambda prompts, *_: [float(int(p) % 2) for p in prompts])
    phase_of(alone)
    found = alone.figures()
    assert found["policy/group_reward_std"] == 0 and found["policy/reward_std"] == 0.5


def test_a_reference_that_is_never_run_is_refused():
    settings = {"objective": without_kl(), "track_kl": False}
    assert make_policy(GRPO, **settings).reference is None
    with pytest.raises(
        ValueError, match="stage.reference=x has no effect with objective.kl_weight=0"
    ):
        make_policy(GRPO, reference="x", **settings)
