"""Answers to own and to held-out prompts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.stage.answer_table import plain_sampling
from lmlab.stage.generate import Generate
from tests.stage.tiny_policy import Digits, Questions, tiny_gpt


def make(**changes: Any) -> Generate:
    keys = {
        "arch": tiny_gpt(),
        "tokenizer": Digits(),
        "data": Questions(4),
        "prompts": [],
        "raw": False,
        "num_prompts": 7,
        "num_training_prompts": 0,
        "num_samples": 2,
        "prompts_at_once": 3,
        "sampling": plain_sampling(3, 1.0),
    }
    stage = Generate(**(keys | changes))
    stage.perform(torch.device("cpu"))
    return stage


def test_held_out_prompts_are_answered_and_scored():
    stage = make()
    assert [row["prompt"] for row in stage.rows[::2]] == list("9876543")
    assert stage.rows[0]["accepted"] == "0" and stage.latest["generate/answers"] == 14
    assert 0 <= stage.latest["generate/gold_reward"] <= 1 and len(stage.samples) == 7


def test_training_prompts_come_after_the_held_out_ones_and_do_not_count_in_the_gold_reward():
    stage, held_out = make(num_training_prompts=5), make()
    assert [row["number"] for row in stage.rows[::2]] == [*range(-1, -8, -1), *range(5)]
    assert stage.rows[:14] == held_out.rows
    assert stage.latest["generate/gold_reward"] == held_out.latest["generate/gold_reward"]
    with pytest.raises(ValueError, match="num_training_prompts=-1"):
        make(num_training_prompts=-1)


def test_own_prompts_of_different_lengths_are_answered_in_their_order():
    stage = make(prompts=["1", "234", "5", "67"], num_samples=1)
    assert [row["prompt"] for row in stage.rows] == ["1", "234", "5", "67"]
    assert all(row["tokens"] <= 3 and "accepted" not in row for row in stage.rows)
    alone = make(prompts=["1"], num_samples=1)
    assert alone.rows[0]["answer"] == stage.rows[0]["answer"]


def test_raw_prompts_are_continued_as_they_are():
    stage = make(prompts=["12"], raw=True, sampling=plain_sampling(3, 0.0), num_samples=1)
    arch, tokens = tiny_gpt(), torch.tensor([[11, 1, 2]])
    for _ in range(stage.rows[0]["tokens"]):
        following = arch.unembed(arch(tokens)[:, -1]).argmax(dim=-1, keepdim=True)
        tokens = torch.cat((tokens, following), dim=1)
    said = Digits().decode([t for t in tokens[0, 3:].tolist() if t != 11])
    assert stage.rows[0]["answer"] == said


def test_an_empty_prompt_is_refused():
    with pytest.raises(ValueError, match=r"stage.prompts\[1\] is empty"):
        make(prompts=["1", ""])
