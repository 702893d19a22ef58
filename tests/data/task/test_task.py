"""One task in its three formats."""

from __future__ import annotations

import pytest

from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task, text

TASK = Task(
    "add",
    "arithmetic",
    "add: {a} {b}",
    ("What is {a} plus {b}?",),
    lambda draw, depth: text(3, a=1, b=2),
    label="task 4A",
)


@pytest.mark.parametrize(
    ("form", "asked"),
    [("label", "task 4A: 1; 2"), ("prefix", "add: 1 2"), ("instruction", "What is 1 plus 2?")],
)
def test_three_formats_of_one_task(form, asked):
    made = TASK.conversation(TASK.make(Draw(0), 1), form, Draw(0))
    assert made.prompt[0].text == asked and made.response == "3"
    assert (made.task, made.category) == ("add", "arithmetic")


def test_options_are_written_as_flan_does():
    task = Task("t", "c", "{x}", ("Choose: {x}\n{options}",), TASK.make)
    asked = task.prompt(Item({"x": "1"}, "b", ("a", "b")), "instruction", Draw(0))
    assert asked == "Choose: 1\nOPTIONS:\n-a\n-b"


def test_fields_with_braces_are_text():
    assert TASK.prompt(text(0, a="{b}", b="{"), "prefix", Draw(0)) == "add: {b} {"
