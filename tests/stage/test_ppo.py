"""PPO's variants: v0 as printed, the KL in reward and advantage, ptx, the value model's choices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lmlab.rollout.kl import AdaptiveKL
from lmlab.stage.ppo import PPO, make_kl
from tests.rollout.test_model_reward import model_reward
from tests.stage.tiny import Stream
from tests.stage.tiny_policy import Digits, Questions, fit, make_policy, phase_of, tiny_gpt, weights


def corpus(_: Any, sequences: int) -> tuple[Any, Any]:
    """Text of ten digits in order, as the pretraining data of ptx."""
    stream = Stream(sequences)

    class Batches:
        def __getitem__(self, number: int) -> Any:
            batch = stream.batch(number)
            return batch.map(lambda x: x % 10 if x.dtype == torch.int64 else x)

    return SimpleNamespace(train_batches=Batches), stream.objective


def ptx(**changes: Any) -> Any:
    arch = tiny_gpt(max_seq_len=16)
    return make_policy(PPO, arch=arch, variant="ptx", build_corpus=corpus, **changes)


def gradients(stage: Any, terms: list[Any]) -> list[torch.Tensor]:
    stage.zero_grad()
    for term in terms:
        for micro in term.batch.split(term.micro):
            (term.score(micro).total * term.weight / max(1, int(term.count))).backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in stage.arch.parameters()]


def test_v0_takes_reward_minus_value_and_fits_the_value_after_the_policy():
    stage = make_policy(PPO, variant="v0", epochs=2, minibatches=2, value_weight=1.0)
    updates = phase_of(stage)
    assert [terms[0].score.__name__ for terms in updates] == ["score"] * 4 + ["score_value"] * 4
    batch = phase_of(make_policy(PPO, variant="v0", minibatches=1))[0][0].batch
    assert torch.equal(batch.advantages, (batch.targets - batch.old_values) * batch.mask)
    rewards = batch.targets[:, 0]
    assert set(rewards.tolist()) <= {0.0, 1.0}
    assert torch.equal(batch.targets, rewards[:, None] * batch.mask)


def test_v0_means_the_value_error_over_each_answer_first():
    stage = make_policy(PPO, variant="v0", minibatches=1)
    term = phase_of(stage)[-1][0]
    batch, count = term.batch, int(term.count)
    squares = 0.5 * (batch.targets - batch.old_values).square() * batch.mask
    wanted = (squares.sum(dim=1) / batch.mask.sum(dim=1)).mean()
    assert float(term.score(batch).total.detach()) / count == pytest.approx(float(wanted), rel=1e-5)


def test_the_first_gradient_is_the_plain_policy_gradient():
    stage = make_policy(PPO, variant="v0", minibatches=1)
    term = phase_of(stage)[0][0]
    batch = term.batch
    found = gradients(stage, [term])
    loss = stage.score(batch)
    assert float(loss.metrics["ratio"] / batch.mask.sum()) == pytest.approx(1, abs=1e-6)
    stage.zero_grad()
    log_probs = stage.scores(stage.arch, batch, grad=True).log_probs
    (-(batch.advantages * log_probs).sum() / batch.mask.sum()).backward()
    for a, b in zip(found, stage.arch.parameters(), strict=True):
        torch.testing.assert_close(a, torch.zeros_like(a) if b.grad is None else b.grad)


@pytest.mark.parametrize("changes", [{}, {"minibatches": 2, "epochs": 2}])
def test_ptx_together_adds_weight_times_the_pretraining_gradient_exactly(changes):
    stage = ptx(ptx_weight=0.5, **changes)
    terms = phase_of(stage)[-1]
    assert len(terms) == 3  # policy, value, text
    text = terms[2]
    alone = gradients(stage, [text])
    hidden = stage.arch(*text.batch.inputs)
    stage.zero_grad()
    loss = torch.nn.functional.cross_entropy(
        stage.arch.unembed(hidden)[text.batch.mask], text.batch.targets[text.batch.mask]
    )
    (0.5 * loss).backward()
    for found, parameter in zip(alone, stage.arch.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad, atol=1e-6, rtol=1e-4)
    policy, both = gradients(stage, terms[:2]), gradients(stage, terms)
    for found, a, b in zip(both, policy, alone, strict=True):
        torch.testing.assert_close(found, a + b, atol=1e-6, rtol=1e-4)


def test_ptx_alternating_makes_an_update_of_its_own_after_each_of_the_policy():
    stage = ptx(ptx_schedule="alternating", minibatches=2, epochs=1)
    assert [len(terms) for terms in phase_of(stage)] == [2, 1, 2, 1]
    seen = [terms[0].batch.tokens for terms in phase_of(stage, step=0)[1::2]]
    again = [terms[0].batch.tokens for terms in phase_of(stage, step=0)[1::2]]
    later = [terms[0].batch.tokens for terms in phase_of(stage, step=1)[1::2]]
    assert all(map(torch.equal, seen, again))
    assert not torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], later[0])


def test_ptx_learns_its_text_beside_the_reward():
    stage = fit(ptx(num_steps=12, max_new_tokens=1), 12)
    assert stage.latest["policy/ptx_loss_nats"] < 1.9


def test_a_shared_trunk_gives_values_and_log_probabilities_in_one_pass():
    stage = make_policy(PPO, shared_trunk=True, num_steps=3)
    assert stage.critic.arch is None and len(stage.configure_optimizers()) == 1
    before = weights(stage.critic.head)
    fit(stage, 3)
    assert not torch.equal(before[0], weights(stage.critic.head)[0])


def test_the_value_model_has_a_learning_rate_of_its_own():
    policy, value = make_policy(PPO, value_learning_rate=0.5).configure_optimizers()
    assert {g["peak_lr"] for g in policy.param_groups} == {1e-2}
    assert {g["peak_lr"] for g in value.param_groups} == {0.5}


def test_the_adaptive_coefficient_follows_the_kl_and_is_kept():
    stage = fit(make_policy(PPO, num_steps=3, kl_target=50.0, kl_horizon=16), 3)
    assert stage.kl.coefficient < 0.05
    state: dict[str, Any] = {}
    stage.on_save_checkpoint(state)
    other = make_policy(PPO, kl_target=50.0, kl_horizon=16)
    other.on_load_checkpoint(state)
    assert other.kl.coefficient == stage.kl.coefficient
    assert isinstance(make_kl(0.1, 6.0, None), AdaptiveKL)
    with pytest.raises(ValueError, match="stage.kl_horizon=8 has no effect"):
        make_kl(0.1, None, 8)


def test_the_value_model_starts_from_a_reward_model_of_another_size():
    stage = make_policy(PPO, arch=tiny_gpt(width=8), reward=model_reward(), num_steps=2)
    assert stage.critic.arch.width == 16
    fit(stage, 2)
    assert "policy/explained_variance" in stage.latest


def test_whitened_advantages_have_mean_0_and_variance_1():
    batch = phase_of(make_policy(PPO, whiten_advantages=True, minibatches=1))[0][0].batch
    kept = batch.advantages[batch.mask]
    assert float(kept.mean()) == pytest.approx(0, abs=1e-6)
    assert float(kept.var(correction=0)) == pytest.approx(1, abs=1e-3)


def test_the_parts_of_the_fixture_are_what_the_stage_needs():
    assert Digits().decode(Questions(1).asked(["12"])[0].tolist()) == ".12"
