"""Dialogues written as one text."""

from __future__ import annotations

from lmlab.data.conversation import Turn
from lmlab.data.format.dialogue import is_dialogue, turns_of_dialogue


def test_turns_by_hand():
    text = "\n\nHuman: Hi there \n\nAssistant: Hello.\n\nHow are you?\n\nHuman: Fine"
    assert turns_of_dialogue(text) == [
        Turn("user", "Hi there"),
        Turn("assistant", "Hello.\n\nHow are you?"),
        Turn("user", "Fine"),
    ]


def test_a_name_inside_a_line_is_text():
    text = "Human: The Assistant: robot said\nHuman: no\n\nAssistant:"
    assert turns_of_dialogue(text) == [
        Turn("user", "The Assistant: robot said\nHuman: no"),
        Turn("assistant", ""),
    ]


def test_turns_of_one_speaker_are_joined():
    text = "\n\nHuman: a\n\nHuman: b\n\nAssistant: c"
    assert turns_of_dialogue(text) == [Turn("user", "a\n\nb"), Turn("assistant", "c")]


def test_what_is_a_dialogue():
    assert is_dialogue("\n\nHuman: a") and is_dialogue("Assistant: a")
    assert not is_dialogue("A human: a")
