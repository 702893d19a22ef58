"""Tasks of several steps: every answer computed again, and the number of steps."""

from __future__ import annotations

import re

import pytest

from lmlab.data.task.draw import Draw
from lmlab.data.task.steps import TASKS, expression, list_steps, number_steps, word_steps
from tests.data.task.oracle import assert_answers


def word(fields) -> str:
    said = fields["word"]
    for step in fields["steps"].split(", then "):
        if step.startswith("remove"):
            said = said[1:] if "first" in step else said[:-1]
        else:
            said = {
                "reverse it": "".join(reversed(said)),
                "write it in upper case": said.upper(),
                "write it in lower case": said.lower(),
                "repeat its last letter": said + said[-1:],
                "sort its letters": "".join(sorted(said)),
                "put an x in front": f"x{said}",
            }[step]
    return said


def listed(fields) -> str:
    words = fields["list"].split(", ")
    for step in fields["steps"].split(", then "):
        if step == "sort the list":
            words = sorted(words)
        elif step == "reverse the list":
            words.reverse()
        elif step == "remove the last item":
            words.pop()
        else:
            first = words.pop(0)
            words += [first] if step.startswith("move") else []
    return ", ".join(words)


def number(fields) -> int:
    value = int(fields["start"])
    for step in fields["steps"].split(", then "):
        by = int(step.split()[-1])
        value = {"add": value + by, "subtract": value - by, "multiply": value * by}[step.split()[0]]
    return value


def apples(fields) -> int:
    given = [int(each) for each in re.findall(r"gives away (\d+)", fields["story"])]
    got = [
        int(each)
        for each in re.findall(r"has (\d+)|picks (\d+)", fields["story"])
        for each in each
        if each
    ]
    return sum(got) - sum(given)


ORACLES = {
    "word_steps": word,
    "list_steps": listed,
    "number_steps": number,
    "expression": lambda f: eval(f["expression"], {"__builtins__": {}}),
    "story": apples,
    "follow": lambda f: (
        re.findall(r"\w+", f["story"])[-1] if "gives" in f["story"] else f["story"].split()[0]
    ),
}


def test_answers():
    assert_answers(TASKS, ORACLES)


@pytest.mark.parametrize("depth", [1, 2, 5, 9])
def test_depth_is_the_number_of_steps(depth):
    for make in (word_steps, list_steps, number_steps):
        assert make(Draw(3), depth).fields["steps"].count(", then ") == depth - 1
    operations = re.findall(r" [-+*] ", expression(Draw(3), depth).fields["expression"])
    assert len(operations) == depth
