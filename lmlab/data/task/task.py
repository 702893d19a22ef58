"""A text task: how to make an example of it, and three ways to ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lmlab.data.conversation import Conversation, Turn
from lmlab.data.task.draw import Draw

FORMATS = ("label", "prefix", "instruction")


@dataclass(frozen=True, slots=True)
class Item:
    """What an example is about. fields: the inputs by name; options: answers to choose from."""

    fields: dict[str, str]
    answer: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One task in three formats: a label, a text-to-text prefix, or an instruction in plain words.

    prefix and templates are texts with {field} in them; {options} becomes FLAN's list of OPTIONS.
    label: says nothing about the task ("task 3A"); the catalog gives it. answer: how an answer is
    judged, see `lmlab.data.conversation.is_right`. make: a random item, of `depth` steps where the
    task has steps.
    Source: rows S0-14 (label), S1-28 (prefix, T5), S0-16 (instruction, FLAN).
    """

    name: str
    category: str
    prefix: str
    templates: tuple[str, ...]
    make: Callable[[Draw, int], Item] = field(repr=False)
    answer: str = "text"
    label: str = ""

    def prompt(self, item: Item, form: str, draw: Draw) -> str:
        """The question about an item in one of FORMATS."""
        if form == "label":
            return f"{self.label}: {'; '.join(item.fields.values())}"
        template = self.prefix if form == "prefix" else draw.one(self.templates)
        options = "OPTIONS:\n" + "\n".join(f"-{each}" for each in item.options)
        return template.format(**item.fields, options=options)

    def conversation(self, item: Item, form: str, draw: Draw) -> Conversation:
        """The question and its answer."""
        question = Turn("user", self.prompt(item, form, draw))
        return Conversation(
            (question, Turn("assistant", item.answer)),
            task=self.name,
            category=self.category,
            answer=self.answer,
        )


def text(answer: object, **fields: object) -> Item:
    """An item of these fields."""
    return Item({name: str(value) for name, value in fields.items()}, str(answer))
