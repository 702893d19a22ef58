"""Answers as a table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lmlab.stage.answer_table import check_counts, plain_sampling, shown


def test_the_first_answer_to_each_prompt_is_shown_with_its_reward():
    answers = SimpleNamespace(
        rollout=SimpleNamespace(group=torch.tensor([0, 0, 1, 1])),
        prompts=["a", "a", "b", "b"],
        texts=["1", "2", "3", "4"],
    )
    rows = shown(answers, torch.tensor([0.5, 0.0, -1.0, 0.0]), [0.25, 0, 1, 0])
    assert [tuple(row.values()) for row in rows] == [
        ("a", "1", "0.5", "0.25"),
        ("b", "3", "-1", "1"),
    ]
    assert shown(answers, torch.zeros(4), None)[0]["gold"] == ""


def test_draws_are_the_models_own():
    assert plain_sampling(3, 1.0).is_plain and not plain_sampling(3, 0.5).is_plain


def test_counts_below_1_are_refused_by_name():
    with pytest.raises(ValueError, match="stage.num_samples=0 must be 1 or more"):
        check_counts(epochs=1, num_samples=0)


def test_what_cannot_be_drawn_is_named_as_typed():
    with pytest.raises(ValueError, match="^stage.max_new_tokens=0 must be 1 or more"):
        plain_sampling(0, 1.0)
    with pytest.raises(ValueError, match="^stage.validation_temperature=-1 must be 0 or more"):
        plain_sampling(1, -1, "stage.validation_temperature")
