"""Tasks of several steps, as many as asked for."""

from __future__ import annotations

from collections.abc import Callable

from lmlab.data.task.copying import some_words
from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task, text
from lmlab.data.task.words import NAMES, WORDS

# What can be done to a word, and how it is said. None leaves a word empty.
WORD_STEPS: dict[str, Callable[[str], str]] = {
    "reverse it": lambda word: word[::-1],
    "write it in upper case": str.upper,
    "write it in lower case": str.lower,
    "remove its first letter": lambda word: word[1:] or word,
    "remove its last letter": lambda word: word[:-1] or word,
    "repeat its last letter": lambda word: word + word[-1],
    "sort its letters": lambda word: "".join(sorted(word)),
    "put an x in front": lambda word: "x" + word,
}
LIST_STEPS: dict[str, Callable[[list[str]], list[str]]] = {
    "reverse the list": lambda words: words[::-1],
    "sort the list": sorted,
    "remove the first item": lambda words: words[1:],
    "remove the last item": lambda words: words[:-1],
    "move the first item to the end": lambda words: words[1:] + words[:1],
}


def _said(steps: list[str]) -> str:
    return ", then ".join(steps)


def word_steps(draw: Draw, depth: int) -> Item:
    result = word = draw.one([word for word in WORDS if len(word) > 3])
    steps: list[str] = []
    while len(steps) < depth:
        step = draw.one([name for name in WORD_STEPS if name not in steps[-1:]])
        if len(result) < 3 and step.startswith("remove"):
            continue
        result = WORD_STEPS[step](result)
        steps.append(step)
    return text(result, word=word, steps=_said(steps))


def list_steps(draw: Draw, depth: int) -> Item:
    words = result = some_words(draw, 4, 6)
    steps: list[str] = []
    while len(steps) < depth:
        step = draw.one([name for name in LIST_STEPS if name not in steps[-1:]])
        if len(result) < 3 and step.startswith("remove"):
            continue
        result = LIST_STEPS[step](result)
        steps.append(step)
    return text(", ".join(result), list=", ".join(words), steps=_said(steps))


def number_steps(draw: Draw, depth: int) -> Item:
    start = value = draw.whole(1, 20)
    steps: list[str] = []
    while len(steps) < depth:
        by = draw.whole(2, 9)
        kind = draw.whole(0, 2)
        if kind == 0:
            value, step = value + by, f"add {by}"
        elif kind == 1 and value > by:
            value, step = value - by, f"subtract {by}"
        elif kind == 2 and value < 100 and by < 4:
            value, step = value * by, f"multiply by {by}"
        else:
            continue
        steps.append(step)
    return text(value, start=start, steps=_said(steps))


def expression(draw: Draw, depth: int) -> Item:
    """A sum in brackets; every step puts one more operation around what is there."""
    value = draw.whole(1, 9)
    said = str(value)
    for step in range(depth):
        by, inner = draw.whole(1, 9), f"({said})" if step else said
        if draw.chance(0.3) and abs(value) < 50:
            value, said = value * by, f"{inner} * {by}"
        elif draw.chance(0.5):
            value, said = value - by, f"{inner} - {by}"
        else:
            value, said = value + by, f"{inner} + {by}"
    return text(value, expression=said)


def story(draw: Draw, depth: int) -> Item:
    """A person's apples, step by step."""
    name, value = draw.one(NAMES), draw.whole(2, 12)
    said = [f"{name} has {value} apples."]
    for _ in range(depth):
        by = draw.whole(1, 9)
        if draw.chance(0.5) and value > by:
            value -= by
            said.append(f"{name} gives away {by}.")
        else:
            value += by
            said.append(f"{name} picks {by} more.")
    return text(value, story=" ".join(said), name=name)


def follow(draw: Draw, depth: int) -> Item:
    """Who has the ball after it was passed on."""
    names = draw.some(NAMES, 4)
    holder = draw.one(names)
    said = [f"{holder} has the ball."]
    for _ in range(depth):
        to = draw.one([name for name in names if name != holder])
        said.append(f"{holder} gives it to {to}.")
        holder = to
    return text(holder, story=" ".join(said))


TASKS = (
    Task(
        "word_steps",
        "steps",
        "word steps: {steps} word: {word}",
        (
            'Take the word "{word}": {steps}. What is the result?',
            "Do this with the word {word}, one step after the other: {steps}.",
            "Start with {word}, {steps}. Write down what you get.",
        ),
        word_steps,
        "exact",
    ),
    Task(
        "list_steps",
        "steps",
        "list steps: {steps} list: {list}",
        (
            "Take this list: {list}. Now {steps}. What is the result?",
            "Do this with the list below: {steps}.\n{list}",
            "Start with {list}. First {steps}. Write the list you get.",
        ),
        list_steps,
    ),
    Task(
        "number_steps",
        "steps",
        "number steps: {steps} start: {start}",
        (
            "Start with {start}, {steps}. What is the result?",
            "Take the number {start}. Now {steps}. Which number do you get?",
            "Begin at {start} and {steps}. Give the final number.",
        ),
        number_steps,
    ),
    Task(
        "expression",
        "steps",
        "expression: {expression}",
        (
            "Calculate {expression}.",
            "What is the value of {expression}?",
            "Work this out: {expression}",
        ),
        expression,
    ),
    Task(
        "story",
        "steps",
        "story: {story}",
        (
            "{story} How many apples does {name} have now?",
            "Read and answer with a number.\n{story}\nHow many apples are there in the end?",
            "How many apples does {name} have at the end? {story}",
        ),
        story,
    ),
    Task(
        "follow",
        "steps",
        "follow: {story}",
        (
            "{story} Who has the ball now?",
            "Read and name one person.\n{story}\nWho holds the ball at the end?",
            "Who has the ball at the end? {story}",
        ),
        follow,
    ),
)
