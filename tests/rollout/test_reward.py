from __future__ import annotations

import pytest
import torch

from lmlab.rollout.reward import WeightedSum, checked, needed_answers, rewards_of


def length(prompts, responses, answers):
    return [float(len(text)) for text in responses]


def test_rewards_are_a_tensor():
    got = rewards_of(length, ["p", "p"], ["a", "abc"], [None, None])
    assert got.tolist() == [1, 3] and got.dtype == torch.float32


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0], "returned 1 values for 2 responses"),
        (3.0, "returned float values for 2 responses"),
        ([1.0, float("nan")], "returned nan for response 1"),
        ([float("inf"), 1.0], "returned inf for response 0"),
        ([1.0, None], "returned None for response 1"),
    ],
)
def test_wrong_values_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        checked(values, 2, "mine")


def test_tensors_of_the_right_length_will_do():
    assert checked(torch.tensor([1.0, 2.0]), 2, "mine") == [1.0, 2.0]


def test_a_weighted_sum():
    parts = {
        "length": {"reward": length, "weight": 0.5},
        "constant": {"reward": lambda p, r, a: [1] * len(r), "weight": -1.0},
        "off": {"reward": None, "weight": 0.0},
    }
    both = WeightedSum(rewards=parts)
    assert both([""] * 2, ["ab", "abcd"], [None] * 2) == [0.0, 1.0]
    assert both.parts([""], ["ab"], [None]) == {"length": [2.0], "constant": [1.0]}


def test_a_part_is_checked_by_its_name():
    bad = WeightedSum(rewards={"mine": {"reward": lambda p, r, a: [], "weight": 1.0}})
    with pytest.raises(ValueError, match="reward mine returned 0 values for 1 responses"):
        bad([""], [""], [None])


def test_wrong_parts_are_refused():
    with pytest.raises(ValueError, match="needs the keys reward and weight"):
        WeightedSum(rewards={"mine": {"reward": length}})
    with pytest.raises(ValueError, match="is empty"):
        WeightedSum(rewards={})


def test_answers_that_are_missing_are_named():
    with pytest.raises(ValueError, match="reward=number compares with an answer, and prompt 1"):
        needed_answers(["3", None], "number")
