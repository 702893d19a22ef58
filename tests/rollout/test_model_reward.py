"""Rewards of drawn answers: by models, by text, and sums of both; what is refused."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lmlab.batch import Vocab
from lmlab.rollout.answering import Answering, rollout_seeds
from lmlab.rollout.model_reward import ModelReward, check_tokenizer, judged, models_in
from lmlab.rollout.reward import WeightedSum
from lmlab.stage.answer_table import plain_sampling
from tests.stage.tiny_policy import Digits, Even, Questions, tiny_gpt


def opened(**changes: Any) -> Any:
    """A run as `open_run` gives it, of a reward model whose head reads 0.5 + the first channel."""
    weight = torch.zeros(1, 16)
    weight[0, 0] = 1.0
    extra = {"reward_head.linear.weight": weight, "reward_head.linear.bias": torch.tensor([0.5])}
    found = {
        "arch": tiny_gpt(),
        "extra": extra,
        "tokenizer": Digits(),
        "config": {"stage": {"_target_": "lmlab.stage.rm.RewardModel"}},
    }
    return SimpleNamespace(**(found | changes))


def model_reward(**changes: Any) -> ModelReward:
    return ModelReward(run="x", open_run=lambda _: opened(**changes), tokenizer=Digits())


@pytest.fixture
def answers() -> Any:
    data = Questions(4)
    seeds = rollout_seeds(0, 0, 0, np.arange(4))
    answering = Answering(data, Digits())
    return answering.draw(tiny_gpt(), data.batch(0), plain_sampling(3, 1.0), seeds, 1)


def test_a_model_reads_the_hidden_state_of_the_last_token(answers):
    values = judged(model_reward(), answers, micro_rows=2)
    for row, value in enumerate(values.tolist()):
        rollout = answers.rollout
        tokens = torch.cat((rollout.prompts()[row], rollout.responses()[row]))
        hidden = tiny_gpt()(tokens[None])
        assert value == pytest.approx(0.5 + float(hidden[0, -1, 0].detach()), abs=1e-5)


def test_a_sum_weighs_models_and_texts(answers):
    parts = {
        "model": {"reward": model_reward(), "weight": 2.0},
        "even": {"reward": Even(), "weight": -1.0},
    }
    both = WeightedSum(rewards=parts)
    wanted = 2 * judged(model_reward(), answers) - judged(Even(), answers)
    torch.testing.assert_close(judged(both, answers), wanted)
    assert [found.run for found in models_in(both)] == ["x"] and models_in(Even()) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [([1.0, math.nan, 0.0, 0.0], "nan for response 1"), ([1.0], "1 values for 4")],
)
def test_values_that_are_no_rewards_are_refused(answers, values, words):
    with pytest.raises(ValueError, match=words):
        judged(lambda *_: values, answers)


def test_a_run_without_a_head_or_of_another_tokenizer_says_what_to_do():
    with pytest.raises(ValueError, match="name a run of stage=rm"):
        model_reward(extra={})
    other = SimpleNamespace(fingerprint="letters", vocab=Vocab(size=12, eos=11))
    with pytest.raises(ValueError, match="another tokenizer.*init_from=RUN hands"):
        model_reward(tokenizer=other)
    larger = SimpleNamespace(fingerprint="digits", vocab=Vocab(size=99, eos=11))
    with pytest.raises(
        ValueError, match="reference: its vocabulary has 12 tokens, this run has 99"
    ):
        check_tokenizer(opened(), larger, "stage.reference")
