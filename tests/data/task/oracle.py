"""Tests of generated tasks: what the answer must be, computed again from the fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task

Oracle = Callable[[Mapping[str, str]], Any]


def items(task: Task, number: int = 200, depth: int = 3) -> list[Item]:
    """Random items of a task."""
    return [task.make(Draw(seed), 1 + seed % depth) for seed in range(number)]


def assert_answers(tasks: tuple[Task, ...], oracles: Mapping[str, Oracle]) -> None:
    """Every task has an oracle, which agrees on every item; every template uses the item's fields."""
    assert {task.name for task in tasks} == set(oracles)
    for task in tasks:
        for item in items(task):
            assert str(oracles[task.name](item.fields)) == item.answer, (task.name, item)
            assert item.answer.strip(), (task.name, item)
        fields = set(items(task, 1)[0].fields)
        for template in (task.prefix, *task.templates):
            named = {name for _, name, _, _ in Formatter().parse(template) if name}
            assert fields <= named | {"name"} and named <= fields | {"options"}, template
        assert len(set(task.templates)) >= 3
