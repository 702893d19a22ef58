"""Rows to conversations: every usual form, and what is said of another."""

from __future__ import annotations

import json

import pytest

from lmlab.data.conversation import Turn
from lmlab.data.format.columns import conversation_of, renamed
from tests.data.material import shared

ASKED, SAID = Turn("user", "Hi"), Turn("assistant", "Yes")
MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": MESSAGES},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]},
        {"prompt": "Hi", "completion": "Yes"},
        {"prompt": MESSAGES[:1], "completion": MESSAGES[1:]},
        {"prompt": "Hi", "response": "Yes"},
        {"instruction": "Hi", "input": "", "output": "Yes"},
        {"instruction": "Hi", "input": None, "output": "Yes"},
        {"question": "Hi", "answer": "Yes"},
        {"input": "Hi", "output": "Yes"},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, MESSAGES[1]]},
    ],
)
def test_usual_forms(row):
    assert conversation_of(row, "x").turns == (ASKED, SAID)


def test_instruction_with_input_and_system():
    row = {"system": "Be kind.", "instruction": "Add.", "input": "2 3", "output": "5"}
    made = conversation_of(row | {"task": "add", "category": "sums"}, "x", "file")
    assert made.turns[:2] == (Turn("system", "Be kind."), Turn("user", "Add.\n\n2 3"))
    assert (made.task, made.category) == ("add", "sums")
    assert conversation_of({"input": "a", "output": "b"}, "x", "file").task == "file"


def test_gsm8k_is_judged_by_its_number():
    path = shared("reasoning/gsm8k/test.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()[:50]]
    made = [conversation_of(row, "x") for row in rows]
    assert made[0].response.endswith("#### 18") and made[0].check("She makes $18")
    assert all(each.answer == "number" and each.check(each.response) for each in made)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "a", "label": 1}, "file row 3 has the columns text, label, which is no known"),
        ({"messages": ["Hi"]}, "file row 3, messages, message 1 is not an object but str"),
        ({"messages": [{"speaker": "a"}]}, "has the keys speaker; it needs role and content"),
    ],
)
def test_other_forms(row, words):
    with pytest.raises(ValueError, match=words):
        conversation_of(row, "file row 3")


def test_columns_by_other_names():
    row = {"text": "Hi", "label": "Yes", "prompt": "x"}
    named = renamed(row, {"prompt": "text", "completion": "label"}, "x")
    assert conversation_of(named, "x").turns == (ASKED, SAID)
    with pytest.raises(ValueError, match=r"names 'titel', which x has not; it has text"):
        renamed(row, {"prompt": "titel"}, "x")
