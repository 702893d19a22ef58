"""Tasks that need to know something: numerals, the calendar, a little English."""

from __future__ import annotations

from datetime import date, timedelta

from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task, text
from lmlab.data.task.words import (
    KINDS,
    MONTHS,
    OPPOSITES,
    PAST,
    PLURALS,
    WEEKDAYS,
    in_words,
    pairs,
    roman,
)

PLACES = {pair: pairs(pair) for pair in (OPPOSITES, PLURALS, PAST)}


def number_to_words(draw: Draw, _: int) -> Item:
    number = draw.whole(0, 999)
    return text(in_words(number), number=number)


def words_to_number(draw: Draw, _: int) -> Item:
    number = draw.whole(0, 999)
    return text(number, words=in_words(number))


def to_roman(draw: Draw, _: int) -> Item:
    number = draw.whole(1, 100)
    return text(roman(number), number=number)


def from_roman(draw: Draw, _: int) -> Item:
    number = draw.whole(1, 100)
    return text(number, numeral=roman(number))


def day_after(draw: Draw, _: int) -> Item:
    at = draw.whole(0, 6)
    return text(WEEKDAYS[(at + 1) % 7], day=WEEKDAYS[at])


def days_later(draw: Draw, _: int) -> Item:
    at, days = draw.whole(0, 6), draw.whole(2, 20)
    return text(WEEKDAYS[(at + days) % 7], day=WEEKDAYS[at], days=days)


def month_number(draw: Draw, _: int) -> Item:
    at = draw.whole(0, 11)
    return text(at + 1, month=MONTHS[at])


def _day(draw: Draw) -> date:
    return date(1900, 1, 1) + timedelta(days=draw.whole(0, 73_000))


def written(day: date) -> str:
    """3 March 2021."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def iso_date(draw: Draw, _: int) -> Item:
    day = _day(draw)
    return text(day.isoformat(), date=written(day))


def year_of(draw: Draw, _: int) -> Item:
    day = _day(draw)
    return text(day.year, date=written(day))


def next_day(draw: Draw, _: int) -> Item:
    day = _day(draw)
    return text((day + timedelta(days=1)).isoformat(), date=day.isoformat())


def opposite(draw: Draw, _: int) -> Item:
    word, other = draw.one(PLACES[OPPOSITES])
    return text(other, word=word)


def plural(draw: Draw, _: int) -> Item:
    word, many = draw.one(PLACES[PLURALS])
    return text(many, word=word)


def past(draw: Draw, _: int) -> Item:
    word, before = draw.one(PLACES[PAST])
    return text(before, word=word)


def kind_of(draw: Draw, _: int) -> Item:
    kinds = draw.some(tuple(KINDS), 3)
    kind = draw.one(kinds)
    return Item({"word": draw.one(KINDS[kind])}, kind, tuple(kinds))


def odd_one_out(draw: Draw, _: int) -> Item:
    kind, other = draw.some(tuple(KINDS), 2)
    words = draw.some(KINDS[kind], 3)
    odd = draw.one([word for word in KINDS[other] if word not in words])
    return text(odd, list=", ".join(draw.shuffled([*words, odd])))


def _task(name: str, category: str, prefix: str, make: object, *templates: str) -> Task:
    answer = "exact" if name == "to_roman" else "text"
    return Task(name, category, prefix, templates, make, answer)  # type: ignore[arg-type]


TASKS = (
    _task(
        "number_to_words",
        "numerals",
        "number to words: {number}",
        number_to_words,
        "Write the number {number} in words.",
        "How is {number} written out?",
        "Spell out this number in English words: {number}",
    ),
    _task(
        "words_to_number",
        "numerals",
        "words to number: {words}",
        words_to_number,
        "Write {words} in digits.",
        "Which number is {words}? Use digits.",
        "Turn these words into a number: {words}",
    ),
    _task(
        "to_roman",
        "numerals",
        "to roman: {number}",
        to_roman,
        "Write {number} as a Roman numeral.",
        "What is {number} in Roman numerals?",
        "How did the Romans write the number {number}?",
    ),
    _task(
        "from_roman",
        "numerals",
        "from roman: {numeral}",
        from_roman,
        "Which number is the Roman numeral {numeral}?",
        "Write the Roman numeral {numeral} in ordinary digits.",
        "What does {numeral} mean in Roman numerals?",
    ),
    _task(
        "day_after",
        "dates",
        "day after: {day}",
        day_after,
        "Which day comes after {day}?",
        "Today is {day}. What day is tomorrow?",
        "Name the weekday that follows {day}.",
    ),
    _task(
        "days_later",
        "dates",
        "days later: {days} from: {day}",
        days_later,
        "Today is {day}. Which weekday is it in {days} days?",
        "What day of the week is {days} days after a {day}?",
        "Count {days} days on from {day} and name the weekday.",
    ),
    _task(
        "month_number",
        "dates",
        "month number: {month}",
        month_number,
        "What number has the month {month}?",
        "If January is 1, what is {month}?",
        "Give {month} as a number from 1 to 12.",
    ),
    _task(
        "iso_date",
        "dates",
        "iso date: {date}",
        iso_date,
        "Write {date} as YYYY-MM-DD.",
        "Convert this date to the form year-month-day, with two digits for month and day: {date}",
        "What is {date} in ISO format?",
    ),
    _task(
        "year_of",
        "dates",
        "year: {date}",
        year_of,
        "Which year is in this date: {date}",
        "Give only the year of {date}.",
        "The date is {date}. What is the year?",
    ),
    _task(
        "next_day",
        "dates",
        "next day: {date}",
        next_day,
        "Which date follows {date}? Use the same form.",
        "It is {date}. Write tomorrow's date in the same way.",
        "Add one day to {date}.",
    ),
    _task(
        "opposite",
        "words",
        "opposite: {word}",
        opposite,
        'What is the opposite of "{word}"?',
        "Give a word that means the contrary of {word}.",
        "Name the opposite of the word {word}.",
    ),
    _task(
        "plural",
        "words",
        "plural: {word}",
        plural,
        'What is the plural of "{word}"?',
        "One {word}, two what?",
        "Write the word {word} in its plural form.",
    ),
    _task(
        "past",
        "words",
        "past: {word}",
        past,
        'What is the past tense of "{word}"?',
        "Today they {word}, yesterday they what?",
        "Write the verb {word} in the past tense.",
    ),
    _task(
        "kind_of",
        "words",
        "kind: {word} {options}",
        kind_of,
        "What kind of thing is {word}?\n{options}",
        "Choose what {word} is.\n{options}",
        "Which of these describes {word}?\n{options}",
    ),
    _task(
        "odd_one_out",
        "words",
        "odd one out: {list}",
        odd_one_out,
        "Which word does not belong with the others? {list}",
        "Three of these are of one kind. Name the other one.\n{list}",
        "Find the odd one out: {list}",
    ),
)
