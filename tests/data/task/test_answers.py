"""Answers of different worth."""

from __future__ import annotations

import pytest

from lmlab.data.task.answers import WORSE, answers_to, cut, longer, typo
from lmlab.data.task.catalog import catalog, example
from lmlab.data.task.draw import Draw


def test_by_hand():
    assert cut("red blue", Draw(0)) == "red" and cut("12", Draw(0)) == "1"
    assert longer("12", Draw(0)).startswith("12 ")
    assert typo("12", Draw(0)) != "12" and len(typo("12", Draw(0))) == 2
    assert typo("-", Draw(0))[0] == "-"


@pytest.mark.parametrize("make", WORSE)
def test_none_is_right(make):
    for seed in range(50):
        question = example("sort_words", seed, seed=0)
        assert not question.check(make(question.response, Draw(seed)))


def test_as_many_different_ones_as_asked_for():
    for number, task in enumerate(catalog()):
        question = example(task, number, seed=0)
        made = answers_to(question, 4, "other", Draw(number))
        assert len(set(made)) == 4 and all(each.strip() for each in made)


def test_the_right_one_is_often_among_them():
    question = example("add", 0, seed=0)
    found = [question.response in answers_to(question, 3, "1", Draw(n)) for n in range(400)]
    assert 240 < sum(found) < 330
