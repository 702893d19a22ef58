"""Numerals, the calendar, a little English: every answer computed again."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from lmlab.data.task.draw import Draw
from lmlab.data.task.knowledge import TASKS, kind_of, written
from lmlab.data.task.words import KINDS, OPPOSITES, PAST, PLURALS, WEEKDAYS, in_words, pairs
from tests.data.task.oracle import assert_answers

WORDS_OF = {in_words(number): number for number in range(1000)}
VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
KIND = {word: kind for kind, words in KINDS.items() for word in words}


def from_roman(numeral: str) -> int:
    values = [VALUES[sign] for sign in numeral]
    after = [*values[1:], 0]
    return sum(-v if v < n else v for v, n in zip(values, after, strict=True))


def to_roman(number: int) -> str:
    signs = "I" * number
    for few, one in zip(("IIIII", "VV", "XXXXX", "LL"), "VXLC", strict=True):
        signs = signs.replace(few, one)
    for long, short in (("VIIII", "IX"), ("IIII", "IV"), ("LXXXX", "XC"), ("XXXX", "XL")):
        signs = re.sub(f"{long}", short, signs)
    return "".join(sorted_roman(signs))


def sorted_roman(signs: str) -> list[str]:
    found = re.findall("C|XC|L|XL|X|IX|V|IV|I", signs)
    return sorted(found, key=from_roman, reverse=True)


def odd_one(fields) -> str:
    words = fields["list"].split(", ")
    kinds = [KIND[word] for word in words]
    return next(w for w, kind in zip(words, kinds, strict=True) if kinds.count(kind) == 1)


def day_of(text: str) -> date:
    return datetime.strptime(text, "%d %B %Y").date()


ORACLES = {
    "number_to_words": lambda f: next(w for w, n in WORDS_OF.items() if n == int(f["number"])),
    "words_to_number": lambda f: WORDS_OF[f["words"]],
    "to_roman": lambda f: to_roman(int(f["number"])),
    "from_roman": lambda f: from_roman(f["numeral"]),
    "day_after": lambda f: (WEEKDAYS * 2)[WEEKDAYS.index(f["day"]) + 1],
    "days_later": lambda f: (WEEKDAYS * 4)[WEEKDAYS.index(f["day"]) + int(f["days"])],
    "month_number": lambda f: datetime.strptime(f["month"], "%B").month,
    "iso_date": lambda f: day_of(f["date"]).strftime("%Y-%m-%d"),
    "year_of": lambda f: day_of(f["date"]).year,
    "next_day": lambda f: date.fromisoformat(f["date"]) + timedelta(1),
    "opposite": lambda f: dict(pairs(OPPOSITES))[f["word"]],
    "plural": lambda f: dict(pairs(PLURALS))[f["word"]],
    "past": lambda f: dict(pairs(PAST))[f["word"]],
    "kind_of": lambda f: KIND[f["word"]],
    "odd_one_out": odd_one,
}


def test_answers():
    assert_answers(TASKS, ORACLES)


def test_the_kind_is_among_three_options():
    for seed in range(50):
        item = kind_of(Draw(seed), 1)
        assert item.answer in item.options and len(set(item.options)) == 3


def test_a_written_date():
    assert written(date(2021, 3, 3)) == "3 March 2021"
