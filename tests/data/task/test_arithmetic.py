"""Arithmetic and comparison: every answer computed again."""

from __future__ import annotations

import re

from lmlab.data.task.arithmetic import TASKS
from tests.data.task.oracle import assert_answers


def numbers(fields) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", " ".join(fields.values()))]


ORACLES = {
    "add": lambda f: sum(numbers(f)),
    "subtract": lambda f: numbers(f)[0] - numbers(f)[1],
    "multiply": lambda f: sum([numbers(f)[0]] * numbers(f)[1]),
    "divide": lambda f: numbers(f)[0] // numbers(f)[1],
    "remainder": lambda f: numbers(f)[0] - numbers(f)[1] * (numbers(f)[0] // numbers(f)[1]),
    "add_list": lambda f: sum(numbers(f)),
    "double": lambda f: numbers(f)[0] + numbers(f)[0],
    "larger": lambda f: sorted(numbers(f))[-1],
    "smaller": lambda f: sorted(numbers(f))[0],
    "is_greater": lambda f: "yes" if numbers(f)[0] - numbers(f)[1] > 0 else "no",
    "largest": lambda f: sorted(numbers(f))[-1],
    "even_or_odd": lambda f: "even" if f["a"][-1] in "02468" else "odd",
}


def test_answers():
    assert_answers(TASKS, ORACLES)
