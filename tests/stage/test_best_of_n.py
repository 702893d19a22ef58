"""Best-of-N: figures by hand, one pass for all N, what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lmlab.rollout.pick import Sampling
from lmlab.stage.answer_table import plain_sampling
from lmlab.stage.best_of_n import BestOfN
from tests.stage.tiny_policy import Digits, Even, Questions, tiny_gpt


def make(**changes: Any) -> BestOfN:
    keys = {
        "arch": tiny_gpt(),
        "tokenizer": Digits(),
        "data": Questions(4),
        "reward": Even(),
        "num_samples": 4,
        "counts": None,
        "num_prompts": 10,
        "prompts_at_once": 3,
        "sampling": plain_sampling(1, 1.0),
    }
    return BestOfN(**(keys | changes))


def test_the_figures_of_an_n_by_hand():
    """Two prompts, two samples and one apart; the second prompt's best is right."""
    rewards = torch.tensor([[0.0, 1.0, 9.0], [2.0, 0.0, 9.0]])
    gold = torch.tensor([[1.0, 0.0, 0.5], [1.0, 0.0, 0.5]])
    right = torch.tensor([[True, False, False], [True, False, False]])
    found = make(num_samples=2).at(2, rewards, gold, right)
    assert found["best_of_n/reward"] == 1.5 and found["best_of_n/gold_reward"] == 0.5
    assert found["best_of_n/win_rate"] == 0.5 and found["best_of_n/coverage"] == 1
    assert found["best_of_n/kl_nats"] == pytest.approx(math.log(2) - 0.5)
    one = make(num_samples=2).at(1, rewards, gold, right)
    assert one["best_of_n/reward"] == 0.75 and one["best_of_n/coverage"] == pytest.approx(0.5)
    assert one["best_of_n/kl_nats"] == 0


def test_more_samples_are_better_by_the_reward_and_all_prompts_are_answered_once():
    stage = make(num_samples=16)
    stage.perform(torch.device("cpu"))
    assert [n for n, _ in stage.points] == [1, 2, 4, 8, 16]
    rewards = [figures["best_of_n/reward"] for _, figures in stage.points]
    assert rewards == sorted(rewards) and rewards[-1] > rewards[0]
    assert len(stage.rows) == 10 and len(stage.rows[0]["answers"]) == 17
    for row in stage.rows:
        assert row["rewards"][row["best"]] == max(row["rewards"][:-1])
    assert len(stage.latest) <= 40 and stage.samples[0]["reward"] in ("0", "1")


def test_the_same_answers_are_drawn_whatever_is_answered_at_once():
    first, second = make(prompts_at_once=3), make(prompts_at_once=10)
    for stage in (first, second):
        stage.perform(torch.device("cpu"))
    assert first.latest == second.latest


def test_fewer_prompts_and_chosen_counts():
    stage = make(num_prompts=4, counts=[1, 3])
    stage.perform(torch.device("cpu"))
    assert len(stage.rows) == 4 and [n for n, _ in stage.points] == [1, 3]
    with pytest.raises(ValueError, match=r"stage.counts=\[5\] must all be 1..stage.num_samples=4"):
        make(counts=[5])


def test_greedy_draws_are_refused():
    greedy = Sampling(
        max_new_tokens=1, temperature=0.0, top_k=None, top_p=None, repetition_penalty=1.0
    )
    with pytest.raises(ValueError, match="draws the same answer N times"):
        make(sampling=greedy)
