"""Tasks that keep every word or letter: copying, repeating, reversing, ordering."""

from __future__ import annotations

from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task, text
from lmlab.data.task.words import NAMES, WORDS


def some_words(draw: Draw, low: int, high: int) -> list[str]:
    """low to high different words."""
    return draw.some(WORDS, draw.whole(low, high))


def copy_text(draw: Draw, _: int) -> Item:
    said = " ".join(some_words(draw, 2, 6))
    return text(said, text=said)


def copy_quote(draw: Draw, _: int) -> Item:
    name, words = draw.one(NAMES), " ".join(some_words(draw, 2, 4))
    return text(words, name=name, words=words)


def repeat_word(draw: Draw, _: int) -> Item:
    word, times = draw.one(WORDS), draw.whole(2, 5)
    return text(" ".join([word] * times), word=word, times=times)


def reverse_words(draw: Draw, _: int) -> Item:
    words = some_words(draw, 2, 5)
    return text(" ".join(words[::-1]), text=" ".join(words))


def reverse_letters(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text(word[::-1], word=word)


def sort_words(draw: Draw, _: int) -> Item:
    words = some_words(draw, 3, 6)
    return text(" ".join(sorted(words)), words=" ".join(words))


def sort_letters(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text("".join(sorted(word)), word=word)


def _numbers(draw: Draw) -> list[int]:
    return draw.some(range(1, 100), draw.whole(3, 6))


def sort_up(draw: Draw, _: int) -> Item:
    numbers = _numbers(draw)
    return text(" ".join(map(str, sorted(numbers))), numbers=" ".join(map(str, numbers)))


def sort_down(draw: Draw, _: int) -> Item:
    numbers = _numbers(draw)
    down = sorted(numbers, reverse=True)
    return text(" ".join(map(str, down)), numbers=" ".join(map(str, numbers)))


TASKS = (
    Task(
        "copy_text",
        "copying",
        "copy: {text}",
        (
            "Repeat this text exactly: {text}",
            "Copy the following words.\n{text}",
            "Write this again, without a change: {text}",
        ),
        copy_text,
    ),
    Task(
        "copy_quote",
        "copying",
        "quote name: {name} words: {words}",
        (
            '{name} said "{words}". What did {name} say?',
            'These are the words of {name}: "{words}". Write down only the words.',
            '"{words}" is what {name} said. Repeat what {name} said.',
        ),
        copy_quote,
    ),
    Task(
        "repeat_word",
        "copying",
        "repeat word: {word} times: {times}",
        (
            'Write the word "{word}" {times} times.',
            "Say {word} {times} times, with spaces between.",
            "How does it read when {word} is written {times} times in a row?",
        ),
        repeat_word,
    ),
    Task(
        "reverse_words",
        "copying",
        "reverse words: {text}",
        (
            "Write these words in reverse order: {text}",
            "Turn the order of the words around.\n{text}",
            "Read this from the last word to the first: {text}",
        ),
        reverse_words,
    ),
    Task(
        "reverse_letters",
        "copying",
        "reverse letters: {word}",
        (
            'Write the word "{word}" backwards.',
            "What is {word} spelled from back to front?",
            "Reverse the letters of this word: {word}",
        ),
        reverse_letters,
    ),
    Task(
        "sort_words",
        "order",
        "sort words: {words}",
        (
            "Put these words in alphabetical order: {words}",
            "Sort the words from A to Z.\n{words}",
            "In which order would a dictionary list these words? {words}",
        ),
        sort_words,
    ),
    Task(
        "sort_letters",
        "order",
        "sort letters: {word}",
        (
            'Put the letters of "{word}" in alphabetical order.',
            "Sort the letters of the word {word}.",
            "Write the letters of {word} from A to Z, without spaces.",
        ),
        sort_letters,
    ),
    Task(
        "sort_up",
        "order",
        "sort numbers up: {numbers}",
        (
            "Sort these numbers from smallest to largest: {numbers}",
            "Put the numbers in ascending order.\n{numbers}",
            "Write {numbers} again, starting with the smallest number.",
        ),
        sort_up,
    ),
    Task(
        "sort_down",
        "order",
        "sort numbers down: {numbers}",
        (
            "Sort these numbers from largest to smallest: {numbers}",
            "Put the numbers in descending order.\n{numbers}",
            "Write {numbers} again, starting with the largest number.",
        ),
        sort_down,
    ),
)
