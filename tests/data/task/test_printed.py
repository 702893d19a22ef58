"""The examples that T5 and FLAN print, to the letter (rows S1-28 and S0-16)."""

from __future__ import annotations

import pytest

from lmlab.data.task.draw import Draw
from lmlab.data.task.printed import TASKS

BY_NAME = {task.name: task for task in TASKS}


@pytest.mark.parametrize(
    ("name", "form", "asked", "answer"),
    [
        ("cola", "prefix", "cola sentence: The course is jumping well.", "not acceptable"),
        ("cola", "label", "task 1A: The course is jumping well.", "not acceptable"),
        (
            "stsb",
            "prefix",
            "stsb sentence1: The rhino grazed on the grass. "
            "sentence2: A rhino is grazing in a field",
            "3.8",
        ),
        (
            "commonsense",
            "instruction",
            "Here is a goal: Get a cool sleep on summer days.\n"
            "How would you accomplish this goal?\n"
            "OPTIONS:\n"
            "-Keep stack of pillow cases in fridge.\n"
            "-Keep stack of pillow cases in oven.",
            "keep stack of pillow cases in fridge",
        ),
        (
            "translation",
            "instruction",
            "Translate this sentence to Spanish:\n"
            "The new office building was built in less than three months.",
            "El nuevo edificio de oficinas se construyó en tres meses.",
        ),
    ],
)
def test_printed_examples(name, form, asked, answer):
    task = BY_NAME[name]
    made = task.conversation(task.make(Draw(0), 1), form, Draw(0))
    assert made.prompt[0].text == asked and made.response == answer


def test_one_task_in_three_formats_has_one_answer():
    task = BY_NAME["cola"]
    made = [
        task.conversation(task.make(Draw(0), 1), f, Draw(1))
        for f in ("label", "prefix", "instruction")
    ]
    assert len({each.prompt for each in made}) == 3
    assert {each.response for each in made} == {"not acceptable"}
