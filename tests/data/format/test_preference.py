"""Rows to comparisons: every usual form, and what is said of another."""

from __future__ import annotations

import pytest

from lmlab.data.conversation import Turn
from lmlab.data.format.preference import comparison_of

ASKED = Turn("user", "Hi")


def message(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi", "chosen": "good", "rejected": "bad"},
        {
            "chosen": "\n\nHuman: Hi\n\nAssistant: good",
            "rejected": "\n\nHuman: Hi\n\nAssistant: bad",
        },
        {"prompt": "\n\nHuman: Hi\n\nAssistant:", "chosen": " good", "rejected": "bad"},
        {
            "chosen": [message("user", "Hi"), message("assistant", "good")],
            "rejected": [message("user", "Hi"), message("assistant", "bad")],
        },
        {
            "prompt": [message("user", "Hi")],
            "chosen": [message("assistant", "good")],
            "rejected": [message("assistant", "bad")],
        },
        {
            "prompt": "Hi",
            "chosen": [message("user", "Hi"), message("assistant", "good")],
            "rejected": [message("user", "Hi"), message("assistant", "bad")],
        },
        {"prompt": "Hi", "responses": ["good", "bad"]},
        {"prompt": "Hi", "completions": ["bad", "good"], "ranks": [2, 1]},
    ],
)
def test_usual_forms(row):
    made = comparison_of(row, "x")
    assert made.prompt == (ASKED,) and made.ranks == (0, 1)
    assert [each.strip() for each in made.responses] == ["good", "bad"]
    assert made.margin is None and made.labeller == ""


def test_ranks_with_ties_margin_and_labeller():
    row = {"prompt": "Hi", "responses": ["c", "a", "b"], "ranks": [3, 1, 3]}
    made = comparison_of(row | {"margin": 2, "labeller": "eva"}, "x")
    assert made.responses == ("a", "c", "b") and made.ranks == (0, 1, 1)
    assert made.margin == 2.0 and made.labeller == "eva"


def test_dialogues_of_several_turns_share_all_but_the_last():
    start = "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Go on\n\nAssistant:"
    made = comparison_of({"chosen": f"{start} a", "rejected": f"{start} b"}, "x")
    assert [turn.role for turn in made.prompt] == ["user", "assistant", "user"]
    assert made.responses == ("a", "b")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "a"}, "x has the columns text, which is no known form"),
        ({"chosen": "a", "rejected": "b"}, "plain text without a prompt"),
        (
            {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: c\n\nAssistant: d"},
            "x: chosen and rejected differ before their last turn",
        ),
        (
            {"chosen": "\n\nHuman: a", "rejected": "\n\nHuman: b"},
            "must end with a turn of the assistant",
        ),
        ({"prompt": "a", "responses": ["b", "c"], "ranks": [1]}, "has 2 responses and 1 ranks"),
        ({"prompt": "a", "chosen": [], "rejected": []}, "x: chosen has no messages"),
        (
            {"prompt": "a", "chosen": [message("assistant", "b")], "rejected": []},
            "x: rejected has no messages; it needs a turn of the assistant",
        ),
        ({"prompt": "a", "responses": [["b"], ["c"]]}, "x, message 1 is not an object but str"),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c", "margin": "much"},
            "x: margin='much' is no",
        ),
    ],
)
def test_other_forms(row, words):
    with pytest.raises(ValueError, match=words):
        comparison_of(row, "x")
