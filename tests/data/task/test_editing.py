"""Edits and lists: every answer computed again."""

from __future__ import annotations

import re

from lmlab.data.task.editing import TASKS
from tests.data.task.oracle import assert_answers

PLACES = ("first", "second", "third", "fourth", "fifth")


def listed(fields) -> list[str]:
    return re.split(", ", fields["list"])


ORACLES = {
    "replace_letter": lambda f: "".join(f["new"] if c == f["old"] else c for c in f["word"]),
    "delete_letter": lambda f: "".join(c for c in f["word"] if c != f["letter"]),
    "add_letter": lambda f: f"{f['word']}{f['letter']}",
    "remove_vowels": lambda f: re.sub("[aeiou]", "", f["word"]),
    "swap_ends": lambda f: re.sub(r"^(.)(.*)(.)$", r"\3\2\1", f["word"]),
    "double_letters": lambda f: re.sub(r"(.)", r"\1\1", f["word"]),
    "replace_word": lambda f: re.sub(rf"\b{f['old']}\b", f["new"], f["text"]),
    "join_words": lambda f: f["a"] + f["b"],
    "first_item": lambda f: listed(f)[0],
    "last_item": lambda f: listed(f)[-1],
    "nth_item": lambda f: listed(f)[PLACES.index(f["place"])],
    "membership": lambda f: "yes" if f["word"] in listed(f) else "no",
    "remove_item": lambda f: ", ".join(w for w in listed(f) if w != f["word"]),
    "count_item": lambda f: sum(w == f["word"] for w in listed(f)),
    "longer_word": lambda f: f["a"] if len(f["a"]) > len(f["b"]) else f["b"],
    "first_in_dictionary": lambda f: sorted([f["a"], f["b"]])[0],
    "same_text": lambda f: "yes" if f["a"] == f["b"] else "no",
}


def test_answers():
    assert_answers(TASKS, ORACLES)
