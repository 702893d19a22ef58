"""The examples that T5 and FLAN print, as tasks of the same kind: one item each."""

from __future__ import annotations

from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task, text


def cola(_: Draw, __: int) -> Item:
    return Item(
        {"sentence": "The course is jumping well."},
        "not acceptable",
        ("acceptable", "not acceptable"),
    )


def stsb(_: Draw, __: int) -> Item:
    return text(
        "3.8",
        sentence1="The rhino grazed on the grass.",
        sentence2="A rhino is grazing in a field",
    )


def commonsense(_: Draw, __: int) -> Item:
    return Item(
        {"goal": "Get a cool sleep on summer days."},
        "keep stack of pillow cases in fridge",
        ("Keep stack of pillow cases in fridge.", "Keep stack of pillow cases in oven."),
    )


def translation(_: Draw, __: int) -> Item:
    return text(
        "El nuevo edificio de oficinas se construyó en tres meses.",
        sentence="The new office building was built in less than three months.",
    )


# Source: rows S1-28 (T5, figure 1) and S0-16 (FLAN, figure 1).
TASKS = (
    Task(
        "cola",
        "acceptability",
        "cola sentence: {sentence}",
        (
            "Is this sentence grammatically acceptable?\n{sentence}\n{options}",
            "Say whether the sentence is acceptable or not acceptable: {sentence}",
            "Would a linguist call this acceptable? {sentence}",
        ),
        cola,
        label="task 1A",
    ),
    Task(
        "stsb",
        "similarity",
        "stsb sentence1: {sentence1} sentence2: {sentence2}",
        (
            "How similar are these sentences, from 0 to 5?\n{sentence1}\n{sentence2}",
            "Rate from 0 to 5 how alike they are: {sentence1} {sentence2}",
            "On a scale of 0 to 5, is {sentence1} the same as {sentence2}?",
        ),
        stsb,
        label="task 2A",
    ),
    Task(
        "commonsense",
        "commonsense",
        "piqa goal: {goal} {options}",
        ("Here is a goal: {goal}\nHow would you accomplish this goal?\n{options}",),
        commonsense,
        label="task 3A",
    ),
    Task(
        "translation",
        "translation",
        "translate English to Spanish: {sentence}",
        ("Translate this sentence to Spanish:\n{sentence}",),
        translation,
        label="task 4A",
    ),
)
