"""What a value model starts from."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lmlab.stage.critic import make_critic
from tests.rollout.test_model_reward import model_reward, opened
from tests.stage.tiny_policy import Digits, Even, tiny_gpt


def test_it_starts_from_the_reward_model_with_its_head():
    critic = make_critic("auto", tiny_gpt(width=8), model_reward(), Digits(), None)
    assert critic.arch.width == 16 and all(p.requires_grad for p in critic.parameters())
    assert critic.head(torch.eye(16)[:2]).tolist() == [1.5, 0.5]


def test_with_a_programmatic_reward_it_starts_from_the_policy_and_says_0():
    policy = tiny_gpt()
    critic = make_critic("auto", policy, Even(), Digits(), None)
    for own, other in zip(critic.arch.parameters(), policy.parameters(), strict=True):
        assert own is not other and torch.equal(own, other)
    assert critic.head(torch.randn(3, 16)).tolist() == [0.0] * 3


def test_a_reward_model_that_sees_the_end_is_no_value_model():
    encoder = opened()
    encoder.arch.kind = "encoder"
    reward = model_reward(arch=encoder.arch)
    assert make_critic("auto", tiny_gpt(width=8), reward, Digits(), None).arch.width == 8
    with pytest.raises(ValueError, match="stage.value_from=r: an encoder sees all of an answer"):
        make_critic("r", tiny_gpt(), Even(), Digits(), lambda _: encoder)


def test_a_run_of_ppo_hands_its_value_head_on():
    weight = {"critic.head.linear.weight": torch.ones(1, 16)}
    run = SimpleNamespace(
        arch=tiny_gpt(),
        extra=weight | {"critic.head.linear.bias": torch.zeros(1)},
        tokenizer=Digits(),
    )
    critic = make_critic("r", tiny_gpt(), Even(), Digits(), lambda _: run)
    assert critic.head(torch.ones(1, 16)).tolist() == [16.0]
