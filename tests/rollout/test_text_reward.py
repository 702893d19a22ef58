from __future__ import annotations

import pytest

from lmlab.rollout.text_reward import (
    Contains,
    ExactAnswer,
    Length,
    Number,
    RegularExpression,
    last_number,
)


def score(reward, response, answer=None):
    return reward([""], [response], [answer])[0]


def test_regular_expression():
    ends = RegularExpression(pattern=r"\.$", whole=False, right=1.0, wrong=-1.0)
    assert score(ends, "Yes.") == 1 and score(ends, "Yes") == -1
    whole = RegularExpression(pattern=r"\d+", whole=True, right=1.0, wrong=0.0)
    assert score(whole, "12") == 1 and score(whole, "12 a") == 0
    with pytest.raises(ValueError, match=r"reward.pattern='\(' is not a regular expression"):
        RegularExpression(pattern="(", whole=False, right=1.0, wrong=0.0)


def test_exact_answer():
    exact = ExactAnswer(ignore_case=False, right=1.0, wrong=0.0)
    assert score(exact, " a  b\n", "a b") == 1 and score(exact, "A b", "a b") == 0
    assert score(ExactAnswer(ignore_case=True, right=2.0, wrong=0.0), "A", "a") == 2


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2 + 3 = 5", 5),
        ("#### 1,234", 1234),
        ("-0.5", -0.5),
        ("12.", 12),
        ("3, 4", 4),
        (".5", 0.5),
        ("none", None),
        ("10-3", 3),
        ("5,000.25 dollars", 5000.25),
    ],
)
def test_the_last_number(text, number):
    assert last_number(text) == number


def test_number():
    reward = Number(tolerance=0.01, right=1.0, wrong=0.0, missing=-1.0)
    assert score(reward, "so 4 then 5", "#### 5") == 1
    assert score(reward, "5.1", "5") == 0 and score(reward, "five", "5") == -1
    with pytest.raises(ValueError, match="needs answers with a number, and 'x' has none"):
        score(reward, "5", "x")


def test_length():
    words = Length(target=4, unit="words")
    assert [score(words, text) for text in ("a b c d", "a b", "", "a " * 99)] == [0, -0.5, -1, -1]
    assert score(Length(target=2, unit="characters"), "abc") == -0.5


def test_contains():
    reward = Contains(texts=["yes", "No"], ignore_case=True)
    assert [score(reward, text) for text in ("YES no", "no", "x")] == [1, 0.5, 0]
    assert score(Contains(texts=[], ignore_case=False), "the cat", "cat") == 1
    with pytest.raises(ValueError, match="has an empty text"):
        Contains(texts=[""], ignore_case=False)
