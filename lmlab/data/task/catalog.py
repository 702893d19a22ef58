"""All generated tasks by name, and examples of them by number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from functools import cache

from lmlab.data.conversation import Conversation
from lmlab.data.task import arithmetic, copying, editing, knowledge, spelling, steps
from lmlab.data.task.draw import Draw, number_of
from lmlab.data.task.task import Task

FAMILIES = (copying, arithmetic, spelling, editing, knowledge, steps)


@cache
def catalog() -> dict[str, Task]:
    """Every task by its name, with a label that says only its number: task 1A, 1B, 1C, 2A ..."""
    tasks = [task for family in FAMILIES for task in family.TASKS]
    labelled = [
        replace(task, label=f"task {1 + index // 3}{'ABC'[index % 3]}")
        for index, task in enumerate(tasks)
    ]
    return {task.name: task for task in labelled}


@cache
def categories() -> dict[str, tuple[str, ...]]:
    """Names of tasks by category."""
    found: dict[str, tuple[str, ...]] = {}
    for task in catalog().values():
        found[task.category] = (*found.get(task.category, ()), task.name)
    return found


def example(
    task: str, number: int, *, seed: int, form: str = "instruction", max_depth: int = 2
) -> Conversation:
    """Example `number` of a task: a pure function of its arguments, without end.

    Steps, where a task has them, are 1 to max_depth.
    """
    draw = Draw(number_of("task 1", seed, task, number))
    chosen = catalog()[task]
    item = chosen.make(draw, draw.whole(1, max_depth))
    return chosen.conversation(item, form, draw)


def known(names: Iterable[str], what: str, all_names: Iterable[str]) -> list[str]:
    """The names. Raises: ValueError for one that is not there, with the nearest that is."""
    there = list(all_names)
    for name in names:
        if name not in there:
            near = get_close_matches(name, there, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}"
            raise ValueError(f"{what} names {name!r}, which is not there; {hint}")
    return list(names)
