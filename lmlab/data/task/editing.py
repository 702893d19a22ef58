"""Tasks that change a word or a list in one place, or look something up in it."""

from __future__ import annotations

from lmlab.data.task.copying import some_words
from lmlab.data.task.draw import Draw
from lmlab.data.task.spelling import ORDINALS
from lmlab.data.task.task import Item, Task, text
from lmlab.data.task.words import LETTERS, VOWELS, WORDS


def _listed(words: list[str]) -> str:
    return ", ".join(words)


def replace_letter(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    old = draw.one(word)
    new = draw.one(LETTERS.replace(old, ""))
    return text(word.replace(old, new), word=word, old=old, new=new)


def delete_letter(draw: Draw, _: int) -> Item:
    word = draw.one([word for word in WORDS if len(set(word)) > 1])
    letter = draw.one(word)
    return text(word.replace(letter, ""), word=word, letter=letter)


def add_letter(draw: Draw, _: int) -> Item:
    word, letter = draw.one(WORDS), draw.one(LETTERS)
    return text(word + letter, word=word, letter=letter)


def remove_vowels(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text("".join(letter for letter in word if letter not in VOWELS), word=word)


def swap_ends(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text(word[-1] + word[1:-1] + word[0], word=word)


def double_letters(draw: Draw, _: int) -> Item:
    word = draw.one(WORDS)
    return text("".join(2 * letter for letter in word), word=word)


def replace_word(draw: Draw, _: int) -> Item:
    words = some_words(draw, 4, 7)
    new, old = words.pop(), draw.one(words[:-1])
    after = [new if word == old else word for word in words]
    return text(" ".join(after), text=" ".join(words), old=old, new=new)


def join_words(draw: Draw, _: int) -> Item:
    a, b = draw.some(WORDS, 2)
    return text(a + b, a=a, b=b)


def first_item(draw: Draw, _: int) -> Item:
    words = some_words(draw, 3, 6)
    return text(words[0], list=_listed(words))


def last_item(draw: Draw, _: int) -> Item:
    words = some_words(draw, 3, 6)
    return text(words[-1], list=_listed(words))


def nth_item(draw: Draw, _: int) -> Item:
    words = some_words(draw, 3, 5)
    place = draw.whole(1, len(words))
    return text(words[place - 1], list=_listed(words), place=ORDINALS[place - 1])


def membership(draw: Draw, _: int) -> Item:
    words = some_words(draw, 4, 6)
    asked = words.pop()
    inside = draw.chance(0.5)
    if inside:
        words[draw.whole(0, len(words) - 1)] = asked
    return text("yes" if inside else "no", word=asked, list=_listed(words))


def remove_item(draw: Draw, _: int) -> Item:
    words = some_words(draw, 3, 6)
    gone = draw.one(words)
    left = [word for word in words if word != gone]
    return text(_listed(left), word=gone, list=_listed(words))


def count_item(draw: Draw, _: int) -> Item:
    words = draw.some(WORDS, 2)
    listed = [draw.one(words) for _ in range(draw.whole(3, 7))]
    return text(listed.count(words[0]), word=words[0], list=_listed(listed))


def longer_word(draw: Draw, _: int) -> Item:
    a = draw.one(WORDS)
    b = draw.one([word for word in WORDS if len(word) != len(a)])
    return text(max(a, b, key=len), a=a, b=b)


def first_in_dictionary(draw: Draw, _: int) -> Item:
    a, b = draw.some(WORDS, 2)
    return text(min(a, b), a=a, b=b)


def same_text(draw: Draw, _: int) -> Item:
    a = some_words(draw, 2, 4)
    b = list(a)
    same = draw.chance(0.5)
    if not same:
        b[draw.whole(0, len(b) - 1)] = draw.one([word for word in WORDS if word not in a])
    return text("yes" if same else "no", a=" ".join(a), b=" ".join(b))


def _edit(name: str, prefix: str, make: object, *templates: str) -> Task:
    return Task(name, "editing", prefix, templates, make)  # type: ignore[arg-type]


def _list(name: str, prefix: str, make: object, *templates: str) -> Task:
    return Task(name, "lists", prefix, templates, make)  # type: ignore[arg-type]


def _compare(name: str, prefix: str, make: object, *templates: str) -> Task:
    return Task(name, "comparison", prefix, templates, make)  # type: ignore[arg-type]


TASKS = (
    _edit(
        "replace_letter",
        "replace: {old} by: {new} word: {word}",
        replace_letter,
        'Replace every {old} in "{word}" by {new}.',
        "In the word {word}, change each {old} to {new}.",
        "What does {word} become when {new} stands for every {old}?",
    ),
    _edit(
        "delete_letter",
        "delete: {letter} word: {word}",
        delete_letter,
        'Remove every {letter} from "{word}".',
        "Write the word {word} without the letter {letter}.",
        "What is left of {word} when each {letter} is deleted?",
    ),
    _edit(
        "add_letter",
        "append: {letter} word: {word}",
        add_letter,
        'Add the letter {letter} to the end of "{word}".',
        "Append {letter} to the word {word}.",
        "Write {word} with one more letter, {letter}, at its end.",
    ),
    _edit(
        "remove_vowels",
        "remove vowels: {word}",
        remove_vowels,
        'Write "{word}" without the letters a, e, i, o, u.',
        "Remove the vowels (a, e, i, o, u) from the word {word}.",
        "Leave out every a, e, i, o and u of {word}.",
    ),
    _edit(
        "swap_ends",
        "swap ends: {word}",
        swap_ends,
        'Swap the first and the last letter of "{word}".',
        "Exchange the two outer letters of the word {word}.",
        "Write {word} with its first and last letters in each other's place.",
    ),
    _edit(
        "double_letters",
        "double letters: {word}",
        double_letters,
        'Write every letter of "{word}" twice.',
        "Double each letter of the word {word}.",
        "In {word}, follow each letter by itself.",
    ),
    _edit(
        "replace_word",
        "replace: {old} by: {new} text: {text}",
        replace_word,
        'Replace the word "{old}" by "{new}": {text}',
        "Change {old} to {new} in this text.\n{text}",
        "Write this with {new} instead of {old}: {text}",
    ),
    _edit(
        "join_words",
        "join: {a} {b}",
        join_words,
        'Join "{a}" and "{b}" to one word.',
        "Write {a} and {b} together, without a space.",
        "What does {a} followed directly by {b} give?",
    ),
    _list(
        "first_item",
        "first item: {list}",
        first_item,
        "What is the first item of this list? {list}",
        "Give the item that the list starts with.\n{list}",
        "Which word comes first here: {list}",
    ),
    _list(
        "last_item",
        "last item: {list}",
        last_item,
        "What is the last item of this list? {list}",
        "Give the item that the list ends with.\n{list}",
        "Which word comes last here: {list}",
    ),
    _list(
        "nth_item",
        "{place} item: {list}",
        nth_item,
        "What is the {place} item of this list? {list}",
        "Give the {place} word.\n{list}",
        "In the list {list}, which word is the {place}?",
    ),
    _list(
        "membership",
        "member: {word} list: {list}",
        membership,
        "Is {word} in this list? Answer yes or no.\n{list}",
        "Here is a list: {list}. Does it contain {word}? Say yes or no.",
        "Yes or no: {word} is one of {list}.",
    ),
    _list(
        "remove_item",
        "remove: {word} list: {list}",
        remove_item,
        "Remove {word} from this list: {list}",
        "Write the list without {word}.\n{list}",
        "Which items are left when {word} is taken out of {list}?",
    ),
    _list(
        "count_item",
        "count item: {word} list: {list}",
        count_item,
        "How many times is {word} in this list? {list}",
        "Count {word}.\n{list}",
        "In the list {list}, how often does {word} appear?",
    ),
    _compare(
        "longer_word",
        "longer: {a} {b}",
        longer_word,
        "Which word is longer, {a} or {b}?",
        "Write down the one of {a} and {b} that has more letters.",
        "Of the words {a} and {b}, which has more letters?",
    ),
    _compare(
        "first_in_dictionary",
        "first in dictionary: {a} {b}",
        first_in_dictionary,
        "Which word comes first in a dictionary, {a} or {b}?",
        "In alphabetical order, which one is first: {a} or {b}?",
        "Of {a} and {b}, name the word that a dictionary lists before the other.",
    ),
    _compare(
        "same_text",
        "same: {a} and: {b}",
        same_text,
        'Are "{a}" and "{b}" the same? Answer yes or no.',
        "Text 1: {a}\nText 2: {b}\nAre they equal? Say yes or no.",
        "Yes or no: {a} is the same as {b}.",
    ),
)
