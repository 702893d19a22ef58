"""Spelling, counting, case, alphabet: every answer computed again."""

from __future__ import annotations

import re
import string

from lmlab.data.task.spelling import TASKS
from tests.data.task.oracle import assert_answers

ABC = string.ascii_lowercase
PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
NEXT = dict(zip(ABC, ABC[1:] + "a", strict=True))

ORACLES = {
    "spell": lambda f: re.sub(r"(?<=.)(?=.)", "-", f["word"]),
    "unspell": lambda f: f["letters"].replace("-", ""),
    "first_letter": lambda f: re.match(r".", f["word"])[0],
    "last_letter": lambda f: re.search(r".$", f["word"])[0],
    "nth_letter": lambda f: list(f["word"])[PLACES[f["place"]] - 1],
    "initials": lambda f: "".join(re.findall(r"\b\w", f["text"])),
    "count_letter": lambda f: len(re.findall(f["letter"], f["word"])),
    "count_letters": lambda f: len(re.findall(r"\w", f["word"])),
    "count_words": lambda f: f["text"].count(" ") + 1,
    "count_vowels": lambda f: len(re.findall("[aeiou]", f["word"])),
    "upper": lambda f: "".join(chr(ord(c) - 32) if c in ABC else c for c in f["text"]),
    "lower": lambda f: "".join(c if c == " " else chr(ord(c) + 32) for c in f["text"]),
    "capital": lambda f: f["text"].title(),
    "name_case": lambda f: f["name"].title(),
    "position": lambda f: ord(f["letter"]) - 96,
    "letter_after": lambda f: NEXT[f["letter"]],
    "letter_before": lambda f: chr(ord(f["letter"]) - 1),
    "next_letters": lambda f: " ".join(chr(ord(f["letter"]) + step) for step in (1, 2, 3)),
    "shift": lambda f: "".join(map(NEXT.__getitem__, f["word"])),
}


def test_answers():
    assert_answers(TASKS, ORACLES)


def test_case_is_judged_exactly():
    kinds = {task.answer for task in TASKS if task.category == "case"}
    assert kinds == {"exact"}
