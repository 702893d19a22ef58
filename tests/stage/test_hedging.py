"""What is done at which odds: the boundary by hand, and one small model's acts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lmlab.rollout.hedging import Hedging as Table
from lmlab.stage.answer_table import plain_sampling
from lmlab.stage.hedging import Hedging, at, boundary
from tests.stage.tiny_policy import Digits, Even, Questions, tiny_gpt

TABLE = Table(
    correct=1.0, hedged_correct=0.5, abstained=0.0, hedged_wrong=-2.0, wrong=-4.0, hedges=["1"],
    abstentions=["0"],
)  # fmt: skip


class Odds(Questions):
    """Even questions have odds 0.5, odd ones 1."""

    def conversation(self, number: int) -> Any:
        made = vars(super().conversation(number))
        return SimpleNamespace(**made, task="0.50" if number % 2 else "1.00")


def make(**changes: Any) -> Hedging:
    keys = {
        "arch": tiny_gpt(),
        "tokenizer": Digits(),
        "data": Odds(4),
        "reward": TABLE,
        "num_prompts": 10,
        "num_samples": 3,
        "prompts_at_once": 4,
        "sampling": plain_sampling(1, 1.0),
    }
    return Hedging(**(keys | changes))


def test_the_boundary_of_a_step_is_the_step():
    odds = np.linspace(0.5, 1, 11)
    assert boundary(odds, (odds > 0.775) * 1.0) == pytest.approx(0.775, abs=1e-9)
    assert boundary(odds, np.ones(11)) == pytest.approx(0.5)
    assert boundary(odds, np.zeros(11)) == 1
    assert boundary(odds, np.where(np.isclose(odds, 0.8), 0.5, odds > 0.8)) == pytest.approx(0.8)


def test_shares_by_hand():
    found = at(0.75, np.array([0, 0, 1, 2]), np.array([1.0, -4.0, 0.5, 0.0]))
    assert found == {
        "hedging/odds": 0.75, "hedging/unhedged": 0.5, "hedging/hedged": 0.25,
        "hedging/abstains": 0.25, "hedging/reward": -0.625,
    }  # fmt: skip


def test_all_questions_are_answered_and_counted():
    stage = make()
    stage.perform(torch.device("cpu"))
    assert [step for step, _ in stage.points] == [50, 100]
    for _, figures in stage.points:
        acts = sum(figures[f"hedging/{name}"] for name in ("unhedged", "hedged", "abstains"))
        assert acts == pytest.approx(1)
    assert stage.latest["hedging/best_reward"] == pytest.approx(0.5)  # 0 at odds 0.5, 1 at 1
    assert not set(stage.latest) & set(stage.points[0][1])  # which have the same step
    assert 0.5 <= stage.latest["hedging/boundary"] <= 1 and len(stage.samples) == 4


def test_the_best_act_by_hand():
    found = make()._is_best(np.array([0.5, 0.5, 0.8, 0.8, 1.0, 1.0]), np.array([2, 0, 1, 2, 0, 1]))
    assert found.tolist() == [True, False, True, True, True, False]


def test_fewer_questions():
    stage = make(num_prompts=5)
    odds, acts, rewards = stage._drawn(torch.device("cpu"))
    assert len(odds) == len(acts) == len(rewards) == 15


def test_what_it_cannot_tell_is_refused():
    with pytest.raises(ValueError, match="set reward=hedging"):
        make(reward=Even())

    class Unknown(Odds):
        def conversation(self, number: int) -> Any:
            return SimpleNamespace(**vars(Questions.conversation(self, number)), task="copy")

    with pytest.raises(ValueError, match="data=uncertain_prompts"):
        make(data=Unknown(4)).perform(torch.device("cpu"))
