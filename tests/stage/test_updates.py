"""Several updates a loader item: counting, clipping, figures, gradients of several terms."""

from __future__ import annotations

from contextlib import nullcontext

import torch

from lmlab.batch import Loss
from lmlab.stage.grpo import GRPO
from lmlab.stage.ppo import PPO
from lmlab.stage.updates import Term
from tests.stage.tiny_policy import fit, make_policy, phase_of, weights


def counted_updates(stage) -> list[int]:
    """The trainer's step at every update of the optimizer."""
    steps, plain = [], stage._update

    def update(terms, last):
        steps.append(stage.trainer.global_step)
        return plain(terms, last)

    stage._update = update
    return steps


def test_the_step_counts_phases_not_updates():
    stage = make_policy(PPO, num_steps=3, epochs=2, minibatches=3)
    steps = counted_updates(stage)
    fit(stage, 3)
    assert steps == [0] * 6 + [1] * 6 + [2] * 6
    assert stage.trainer.global_step == 3


def test_terms_add_their_weighted_means_whatever_the_micro_batches():
    stage = make_policy(PPO, variant="v0")
    experience = phase_of(stage)[0][0].batch
    gradients = []
    for micro in (8, 3):
        stage.zero_grad()
        for weight in (1.0, 2.0):
            count = stage.objective.count(experience.learned)
            term = Term(experience, stage.score, count, weight, micro)
            stage.manual_backward = lambda loss: loss.backward()
            stage._no_sync = nullcontext
            stage._backward(term)
        gradients.append([p.grad.clone() for p in stage.arch.parameters() if p.grad is not None])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


def test_a_step_that_is_not_finite_reaches_no_optimizer():
    stage = make_policy(GRPO, num_steps=2)
    plain = stage.score
    stage.score = lambda batch: Loss(plain(batch).total * torch.nan, plain(batch).count, {})
    before = weights(stage.arch)
    fit(stage, 2)
    assert all(map(torch.equal, before, weights(stage.arch)))
    assert stage.latest["train/skipped_not_finite"] == 2


def test_models_of_their_own_are_clipped_on_their_own():
    stage = make_policy(PPO)
    policy, value = stage.clipped_together()
    assert {id(p) for p in policy} == {id(p) for p in stage.arch.parameters()}
    assert {id(p) for p in value} == {id(p) for p in stage.critic.parameters()}
    for group, size in ((policy, 3.0), (value, 4.0)):
        for parameter in group:
            parameter.grad = torch.zeros_like(parameter)
        group[0].grad.view(-1)[0] = size
    assert stage._clip() == 5.0
    assert float(policy[0].grad.norm()) <= 1.0 and float(value[0].grad.norm()) <= 1.0


def test_mixed_precision_learns_from_the_weights_as_they_are_now():
    """Weights cast before an update, or without gradients, must not be used after it."""
    full, half = (
        fit(make_policy(PPO, num_steps=2, epochs=3, minibatches=2), 2, precision=precision)
        for precision in ("32-true", "bf16-mixed")
    )
    started = weights(full.reference)
    moved = [
        torch.cat([(p - q).flatten() for p, q in zip(weights(each.arch), started, strict=True)])
        for each in (full, half)
    ]
    assert float(torch.nn.functional.cosine_similarity(*moved, dim=0)) > 0.8
