"""What policy stages share: rewards and penalties, figures, validation, lengths that do not fit."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest
import torch

from lmlab.optim import Muon
from lmlab.stage.grpo import GRPO
from lmlab.stage.ppo import PPO
from lmlab.stage.reinforce import Reinforce
from tests.rollout.test_model_reward import model_reward
from tests.stage.tiny_policy import Digits, Questions, fit, make_policy, phase_of, tiny_gpt
from tests.test_optim import MUON

FIGURES = {
    "policy/reward",
    "policy/reward_std",
    "policy/gold_reward",
    "policy/response_tokens",
    "policy/unfinished_fraction",
    "policy/kl_nats",
    "policy/kl_token_nats",
    "policy/entropy_nats",
}


@pytest.mark.parametrize("kind", [PPO, GRPO, Reinforce])
def test_every_stage_logs_the_same_figures_and_starts_at_its_reference(kind):
    stage = fit(make_policy(kind, num_steps=1), 1)
    found = stage.latest
    assert found.keys() >= FIGURES and len(found) <= 40
    assert found["policy/kl_nats"] == pytest.approx(0, abs=1e-5)
    assert found["policy/entropy_nats"] == pytest.approx(math.log(12), abs=0.05)
    assert all(map(math.isfinite, found.values()))
    if kind is not Reinforce and kind is not PPO:
        assert found["policy/ratio"] == pytest.approx(1, abs=1e-6)
    assert stage.samples[0].keys() == {"prompt", "continuation", "reward", "gold"}


@pytest.mark.parametrize("kind", [PPO, GRPO, Reinforce])
@pytest.mark.parametrize("micro", [64, 3])
def test_the_kl_is_in_nats_an_answer_and_its_estimates_agree(kind, micro):
    stage = make_policy(kind, micro_responses=micro, num_samples=8, prompts=32)
    with torch.no_grad():
        stage.arch.unembedding.weight.mul_(8.0)
    terms = phase_of(stage)[0]
    stage._no_sync, stage.manual_backward = nullcontext, lambda loss: loss.backward()
    stage._backward(terms[0])
    found, batch = stage.figures(), terms[0].batch
    tokens = float(batch.mask.sum()) / len(batch.mask)
    assert found["policy/kl_nats"] > 0.1
    assert found["policy/kl_token_nats"] * tokens == pytest.approx(found["policy/kl_nats"], rel=0.4)
    with torch.no_grad():
        log_probs = stage.scores(stage.arch, batch).log_probs
    exact = (log_probs - batch.reference).sum(dim=1).mean()
    if stage.is_on_policy:
        assert found["policy/kl_nats"] == pytest.approx(float(exact), rel=1e-3)


@pytest.mark.parametrize("kind", [PPO, GRPO, Reinforce])
def test_every_stage_learns_which_digits_pay(kind):
    stage = make_policy(kind, num_steps=25, max_new_tokens=1, prompts=16)
    rewards = []
    plain = stage.rewarded
    stage.rewarded = lambda answers: rewards.append(plain(answers)) or rewards[-1]
    fit(stage, 25)
    first, last = (torch.cat(part).mean() for part in (rewards[:3], rewards[-3:]))
    assert last > first + 0.3, (kind, float(first), float(last))


def test_penalties_are_taken_off_the_reward_and_not_logged_as_it():
    stage = make_policy(GRPO, missing_end_penalty=0.5, length_penalty=0.25)
    plain = make_policy(GRPO)
    rewards = {}
    for each in (stage, plain):
        each.experience = lambda answers, found, key=each: rewards.__setitem__(
            key, (answers, found)
        )
        each.updates = lambda _: []
        phase_of(each)
    (answers, with_), (_, without) = rewards[stage], rewards[plain]
    unfinished = (~answers.rollout.finished).float()
    lengths = answers.rollout.mask.sum(dim=1)
    torch.testing.assert_close(without - with_, 0.5 * unfinished + 0.25 * lengths)
    assert 0 < stage.figures()["policy/unfinished_fraction"] < 1
    assert stage.figures()["policy/reward"] == plain.figures()["policy/reward"]


def test_held_out_prompts_are_answered_greedily():
    stage = make_policy(GRPO, num_steps=2, validation_prompts=4)
    fit(stage, 2, limit_val_batches=1.0, val_check_interval=2, check_val_every_n_epoch=None)
    found = stage.val_metrics
    assert found.keys() == {
        "val/reward",
        "val/gold_reward",
        "val/response_tokens",
        "val/unfinished_fraction",
        "val/gold_gain",
        "val/gold_gain_low",
        "val/gold_gain_high",
    }
    assert len(stage.samples) == 4 and found["val/reward"] * 4 == int(found["val/reward"] * 4)


def test_the_gain_is_over_the_reference_on_the_same_prompts():
    stage = make_policy(GRPO, num_steps=1, validation_prompts=4)
    stage._golds = [([1.0, 0.5], [0.5, 0.0]), (None, None), ([1.0], [0.5])]
    assert stage._gain() == {
        "val/gold_gain": 0.5,
        "val/gold_gain_low": 0.5,
        "val/gold_gain_high": 0.5,
    }
    stage._golds = [(None, None)]
    assert stage._gain() == {}


def test_what_does_not_fit_a_model_names_the_setting():
    with pytest.raises(
        ValueError, match=r"stage.max_new_tokens=7 .* do not fit arch, which takes 8"
    ):
        make_policy(GRPO, max_new_tokens=7)
    with pytest.raises(ValueError, match="do not fit reward.run=x, which takes 3"):
        make_policy(GRPO, reward=model_reward(arch=tiny_gpt(max_seq_len=3)))
    with pytest.raises(ValueError, match="stage.temperature=0.0 must be above 0"):
        make_policy(GRPO, temperature=0.0)


def test_adapters_train_alone_and_serve_as_their_own_reference():
    stage = fit(make_policy(GRPO, num_steps=3, lora_rank=2), 3)
    assert stage.reference.model is None
    moved = {
        name
        for (name, a), b in zip(
            stage.arch.named_parameters(),
            make_policy(GRPO, lora_rank=2).arch.parameters(),
            strict=True,
        )
        if not torch.equal(a, b)
    }
    assert moved and all("lora" in name for name in moved)
    assert stage.latest["policy/kl_nats"] != 0


def test_a_reward_that_is_not_finite_ends_the_run_with_its_reason():
    stage = make_policy(GRPO, reward=lambda *texts: [math.nan] * len(texts[1]))
    with pytest.raises(ValueError, match="returned nan for response 0"):
        fit(stage, 1)


def test_a_tokenizer_without_pad_uses_eos():
    class Plain(Digits):
        vocab = type(Digits.vocab)(size=12, eos=11)

    assert make_policy(GRPO, tokenizer=Plain()).answering.pad == 11


def test_adapters_train_with_muon_alone():
    stage = make_policy(GRPO, lora_rank=2)
    stage.optim = Muon(**(MUON | {"schedule": "constant", "warmup_fraction": 0.0}))
    before = {name: p.detach().clone() for name, p in stage.arch.named_parameters()}
    fit(stage, 2)
    assert len(stage._optimizers()) == 1
    moved = {n for n, p in stage.arch.named_parameters() if not torch.equal(p, before[n])}
    assert moved and all(".lora_" in name for name in moved)


def test_data_to_evaluate_with_are_not_trained_on():
    data = Questions(4)

    def refuse() -> None:
        raise ValueError("data.source gives no prompt")

    data.check_trainable = refuse  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="gives no prompt"):
        make_policy(GRPO, data=data)
