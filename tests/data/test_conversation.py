"""Turns, what makes a conversation unusable, and when an answer is right."""

from __future__ import annotations

import pytest

from lmlab.data.conversation import Conversation, Turn, flaw, is_right, last_number, single


def test_prompt_response_and_accepted_answers():
    made = single("2 + 2?", "4", references=("4", "four"))
    assert made.prompt == (Turn("user", "2 + 2?"),) and made.response == "4"
    assert made.accepted == ("4", "four") and single("a", "b").accepted == ("b",)
    assert made.text == "2 + 2?\n4"
    assert made.check("Four.") and not made.check("5")


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([], "no turn"),
        ([("user", "a")], "the last turn is not the assistant's"),
        ([("assistant", "a")], "no prompt"),
        ([("user", "a"), ("assistant", " \n")], "empty completion"),
        ([("user", " "), ("assistant", "a")], "empty prompt"),
        ([("robot", "a"), ("assistant", "a")], "role 'robot', not one of system, user, assistant"),
        ([("system", "s"), ("user", "a"), ("assistant", "b")], None),
    ],
)
def test_flaws(turns, why):
    assert flaw(tuple(Turn(*turn) for turn in turns)) == why


@pytest.mark.parametrize(
    ("answer", "accepted", "kind", "right"),
    [
        ("  Apple  pie. ", ("apple pie",), "text", True),
        ("apple", ("Apple",), "exact", False),
        (" APPLE\n", ("APPLE",), "exact", True),
        ("so 3 + 4 = 7", ("3 and 4\n#### 7",), "number", True),
        ("1,250 dollars", ("#### 1250",), "number", True),
        ("no idea", ("#### 1250",), "number", False),
        ("#### 8 (was 7)", ("#### 8",), "number", False),
    ],
)
def test_right_answers(answer, accepted, kind, right):
    assert is_right(answer, accepted, kind) is right


def test_the_last_number():
    assert last_number("a 3 b -4.5") == -4.5
    assert last_number("none") is None


def test_a_conversation_is_a_plain_value():
    assert single("a", "b") == Conversation((Turn("user", "a"), Turn("assistant", "b")))
