"""Tasks about the letters of a word: spelling, counting, case, the alphabet."""

from __future__ import annotations

from lmlab.data.task.copying import some_words
from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task, text
from lmlab.data.task.words import LETTERS, NAMES, VOWELS, WORDS

ORDINALS = ("first", "second", "third", "fourth", "fifth")


def spell(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text("-".join(word), word=word)


def unspell(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text(word, letters="-".join(word))


def first_letter(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text(word[0], word=word)


def last_letter(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text(word[-1], word=word)


def nth_letter(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    place = draw.whole(1, min(len(word), len(ORDINALS)))
    return text(word[place - 1], word=word, place=ORDINALS[place - 1])


def initials(draw: Draw, _: int) -> Item:
    words = some_words(draw, 2, 5)
    return text("".join(word[0] for word in words), text=" ".join(words))


def count_letter(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    letter = draw.one(word) if draw.chance(0.8) else draw.one(LETTERS)
    return text(word.count(letter), word=word, letter=letter)


def count_letters(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text(len(word), word=word)


def count_words(draw: Draw, _: int) -> Item:
    words = some_words(draw, 2, 9)
    return text(len(words), text=" ".join(words))


def count_vowels(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text(sum(letter in VOWELS for letter in word), word=word)


def upper(draw: Draw, _: int) -> Item:
    said = " ".join(some_words(draw, 1, 4))
    return text(said.upper(), text=said)


def lower(draw: Draw, _: int) -> Item:
    said = " ".join(some_words(draw, 1, 4))
    return text(said, text=said.upper())


def capital(draw: Draw, _: int) -> Item:
    words = some_words(draw, 2, 4)
    return text(" ".join(word.capitalize() for word in words), text=" ".join(words))


def name_case(draw: Draw, _: int) -> Item:
    name = draw.one(NAMES)
    return text(name, name=name.lower())


def position(draw: Draw, _: int) -> Item:
    letter = draw.one(LETTERS)
    return text(LETTERS.index(letter) + 1, letter=letter)


def letter_after(draw: Draw, _: int) -> Item:
    at = draw.whole(0, 24)
    return text(LETTERS[at + 1], letter=LETTERS[at])


def letter_before(draw: Draw, _: int) -> Item:
    at = draw.whole(1, 25)
    return text(LETTERS[at - 1], letter=LETTERS[at])


def next_letters(draw: Draw, _: int) -> Item:
    at = draw.whole(0, 22)
    return text(" ".join(LETTERS[at + 1 : at + 4]), letter=LETTERS[at])


def shift(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    moved = "".join(LETTERS[(LETTERS.index(letter) + 1) % 26] for letter in word)
    return text(moved, word=word)


def _task(name: str, category: str, prefix: str, make: object, *templates: str) -> Task:
    answer = "exact" if category == "case" else "text"
    return Task(name, category, prefix, templates, make, answer)  # type: ignore[arg-type]


TASKS = (
    _task(
        "spell",
        "spelling",
        "spell: {word}",
        spell,
        'Spell the word "{word}" with a hyphen between the letters.',
        "How is {word} spelled? Put hyphens between the letters.",
        "Write {word} letter by letter, joined by hyphens.",
    ),
    _task(
        "unspell",
        "spelling",
        "unspell: {letters}",
        unspell,
        "Which word is spelled {letters}?",
        "Put these letters together to a word: {letters}",
        "Read this as one word: {letters}",
    ),
    _task(
        "first_letter",
        "spelling",
        "first letter: {word}",
        first_letter,
        'What is the first letter of "{word}"?',
        "With which letter does {word} begin?",
        "Give the letter that the word {word} starts with.",
    ),
    _task(
        "last_letter",
        "spelling",
        "last letter: {word}",
        last_letter,
        'What is the last letter of "{word}"?',
        "With which letter does {word} end?",
        "Give the final letter of the word {word}.",
    ),
    _task(
        "nth_letter",
        "spelling",
        "{place} letter: {word}",
        nth_letter,
        'What is the {place} letter of "{word}"?',
        "Name the {place} letter in the word {word}.",
        "Look at the word {word}. Which letter is the {place}?",
    ),
    _task(
        "initials",
        "spelling",
        "initials: {text}",
        initials,
        "Join the first letters of these words: {text}",
        "Take the first letter of each word and write them as one.\n{text}",
        "What do the initial letters of {text} give?",
    ),
    _task(
        "count_letter",
        "counting",
        "count letter: {letter} word: {word}",
        count_letter,
        'How many times does the letter {letter} occur in "{word}"?',
        "Count the letter {letter} in the word {word}.",
        "How often is there a {letter} in {word}?",
    ),
    _task(
        "count_letters",
        "counting",
        "count letters: {word}",
        count_letters,
        'How many letters does "{word}" have?',
        "Count the letters of the word {word}.",
        "How long is the word {word}, in letters?",
    ),
    _task(
        "count_words",
        "counting",
        "count words: {text}",
        count_words,
        "How many words are there here: {text}",
        "Count the words.\n{text}",
        'Give the number of words in "{text}".',
    ),
    _task(
        "count_vowels",
        "counting",
        "count vowels: {word}",
        count_vowels,
        'How many vowels (a, e, i, o, u) are in "{word}"?',
        "Count the letters a, e, i, o and u in the word {word}.",
        "The vowels are a, e, i, o, u. How many of them has {word}?",
    ),
    _task(
        "upper",
        "case",
        "upper case: {text}",
        upper,
        "Write this in capital letters: {text}",
        "Change all letters to upper case.\n{text}",
        'How does "{text}" look in upper case?',
    ),
    _task(
        "lower",
        "case",
        "lower case: {text}",
        lower,
        "Write this in small letters: {text}",
        "Change all letters to lower case.\n{text}",
        'How does "{text}" look in lower case?',
    ),
    _task(
        "capital",
        "case",
        "capitalise: {text}",
        capital,
        "Start every word with a capital letter: {text}",
        "Capitalise each word.\n{text}",
        "Write {text} as a title, every word with a capital.",
    ),
    _task(
        "name_case",
        "case",
        "name: {name}",
        name_case,
        "Write the name {name} as names are written, with a capital.",
        'Correct the first letter of this name: "{name}"',
        "A name starts with a capital letter. Write {name} properly.",
    ),
    _task(
        "position",
        "alphabet",
        "position: {letter}",
        position,
        "Which place in the alphabet has the letter {letter}?",
        "If a is 1 and b is 2, what number is {letter}?",
        "Give the number of the letter {letter} in the alphabet.",
    ),
    _task(
        "letter_after",
        "alphabet",
        "letter after: {letter}",
        letter_after,
        "Which letter comes after {letter} in the alphabet?",
        "Name the letter that follows {letter}.",
        "In the alphabet, what is next after {letter}?",
    ),
    _task(
        "letter_before",
        "alphabet",
        "letter before: {letter}",
        letter_before,
        "Which letter comes before {letter} in the alphabet?",
        "Name the letter in front of {letter} in the alphabet.",
        "In the alphabet, what stands just before {letter}?",
    ),
    _task(
        "next_letters",
        "alphabet",
        "next letters: {letter}",
        next_letters,
        "Write the next three letters of the alphabet after {letter}.",
        "Continue the alphabet for three letters from {letter} on, without {letter}.",
        "Which three letters follow {letter}?",
    ),
    _task(
        "shift",
        "alphabet",
        "shift: {word}",
        shift,
        "Replace every letter of {word} by the next one in the alphabet (a follows z).",
        'Shift each letter of "{word}" one place on in the alphabet; z becomes a.',
        "Move all letters of {word} on by one: a to b, b to c, and z to a.",
    ),
)
