"""The hidden judge: right answers, nearly right ones, words too many."""

from __future__ import annotations

import pytest

from lmlab.data.task.gold import gold_score


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("apple", 1.0),
        ("Apple.", 1.0),
        ("", 0.0),
        ("the apple", 0.75),
        ("I think it is apple", 0.6),
        ("appla", 0.4),
        ("zzz", 0.0),
    ],
)
def test_by_hand(answer, score):
    assert gold_score(answer, ("apple",)) == pytest.approx(score)


def test_the_nearest_of_several_counts_and_the_kind():
    assert gold_score("two", ("2", "two")) == 1.0
    assert gold_score("apple", ("APPLE",), "exact") < 1.0
    assert gold_score("so it is 7", ("#### 7",), "number") == 1.0


def test_much_talk_never_goes_below_zero():
    assert gold_score("word " * 100, ("apple",)) == 0.0
