"""A row of a table to a text with its label; the columns are named by the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is to be told about a text.

    texts: one, or two of a pair; choices: answers to choose from, none where classes are asked for;
    label: a class, a number as text, or the place of the right choice; row: all texts of the row it
    comes from, where a row gives several examples.
    """

    texts: tuple[str, ...]
    label: str
    choices: tuple[str, ...] = ()
    row: tuple[str, ...] = ()

    @property
    def content(self) -> tuple[str, ...]:
        """All that a model reads."""
        return (*self.texts, *self.choices)


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns: text (None: the choices have no context), pair, label, choices.

    classes: columns of which each holds a text of the class that it is named after.
    """

    text: str | None
    pair: str | None
    label: str | None
    choices: tuple[str, ...]
    classes: tuple[str, ...] = ()

    def labelled(self, row: Row, where: str) -> Iterator[Labelled]:
        """The examples of a row. Raises: ValueError for a column that is not there."""
        if self.classes:
            texts = tuple(_text(row, name, "text", where) for name in self.classes)
            for name, text in zip(self.classes, texts, strict=True):
                yield Labelled((text,), name, row=texts)
            return
        names = {"text": self.text, "text_pair": self.pair}
        texts = tuple(_text(row, name, key, where) for key, name in names.items() if name)
        if not self.choices:
            assert self.label is not None
            yield Labelled(texts, _plain(_cell(row, self.label, "label", where)))
            return
        yield self._with_choices(texts, row, where)

    def _with_choices(self, texts: tuple[str, ...], row: Row, where: str) -> Labelled:
        """Answers of a column each, or of one column with a list; empty ones are left out."""
        cells: Sequence[Any] = [row.get(name, "") for name in self.choices]
        for name in self.choices:
            if name not in row:
                _cell(row, name, "choices", where)
        if len(cells) == 1 and isinstance(cells[0], list | tuple):
            cells = cells[0]
        answers = ["" if cell is None else _plain(cell) for cell in cells]
        right = self._right(row, answers, where)
        there = [answer for answer in answers if answer]
        if len(there) < 2 or not answers[right]:
            raise ValueError(
                f"{where} has {len(there)} choices in {', '.join(self.choices)}, the right one "
                "included; two or more are needed"
            )
        place = right - answers[:right].count("")
        return Labelled(texts, str(place), tuple(there))

    def _right(self, row: Row, answers: list[str], where: str) -> int:
        """The place of the right answer: a column's name, the text, a letter or a number from 0."""
        if self.label is None:
            return 0
        label = _plain(_cell(row, self.label, "label", where))
        letters = [chr(65 + place) for place in range(len(answers))]
        for known in (self.choices, answers, letters):
            if label in known and len(known) == len(answers):
                return list(known).index(label)
        if label.isdecimal() and int(label) < len(answers):
            return int(label)
        raise ValueError(
            f"{where}: the label {label!r} is none of {len(answers)} choices; it may be a choice, "
            "its column, a letter from A or a number from 0"
        )


def _cell(row: Row, name: str, key: str, where: str) -> Any:
    if name not in row or row[name] is None:
        there = "is empty" if name in row else "is not there"
        raise ValueError(
            f"data.source.{key}={name}: column {there} in {where}; its columns are "
            f"{', '.join(map(str, row))}"
        )
    return row[name]


def _text(row: Row, name: str, key: str, where: str) -> str:
    cell = _cell(row, name, key, where)
    is_plain = isinstance(cell, str | int | float)
    if not is_plain:
        raise ValueError(
            f"data.source.{key}={name} of {where} is {type(cell).__name__}, not a text"
        )
    return str(cell).strip()


def _plain(value: Any) -> str:
    """A label or choice as text; the first of a list (Natural Instructions has several outputs)."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return str(value).strip()
