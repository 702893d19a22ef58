"""Copying, repeating, reversing, ordering: every answer computed again."""

from __future__ import annotations

from lmlab.data.task.copying import TASKS, some_words
from lmlab.data.task.draw import Draw
from tests.data.task.oracle import assert_answers


def selection_sorted(things: list, key=lambda thing: thing) -> list:
    left, result = list(things), []
    while left:
        least = left[0]
        for thing in left:
            least = thing if key(thing) < key(least) else least
        left.remove(least)
        result.append(least)
    return result


ORACLES = {
    "copy_text": lambda f: f["text"],
    "copy_quote": lambda f: f["words"],
    "repeat_word": lambda f: ((f["word"] + " ") * int(f["times"])).strip(),
    "reverse_words": lambda f: " ".join(reversed(f["text"].split())),
    "reverse_letters": lambda f: "".join(reversed(f["word"])),
    "sort_words": lambda f: " ".join(selection_sorted(f["words"].split())),
    "sort_letters": lambda f: "".join(selection_sorted(list(f["word"]))),
    "sort_up": lambda f: " ".join(selection_sorted(f["numbers"].split(), int)),
    "sort_down": lambda f: " ".join(selection_sorted(f["numbers"].split(), int)[::-1]),
}


def test_answers():
    assert_answers(TASKS, ORACLES)


def test_some_words_are_different():
    assert len(set(some_words(Draw(0), 6, 6))) == 6
