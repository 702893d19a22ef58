"""The words: one kind each, and numbers in words and Roman numerals."""

from __future__ import annotations

from collections import Counter

import pytest

from lmlab.data.task.words import KINDS, OPPOSITES, PAST, PLURALS, WORDS, in_words, pairs, roman


def test_no_word_is_of_two_kinds():
    counts = Counter(word for kind in KINDS.values() for word in kind)
    assert counts.most_common(1)[0][1] == 1


def test_words_are_different_and_in_lower_case():
    assert len(WORDS) > 300 and len(set(WORDS)) == len(WORDS)
    assert all(word.isalpha() and word.islower() and len(word) > 2 for word in WORDS)


@pytest.mark.parametrize("text", [OPPOSITES, PLURALS, PAST])
def test_questions_have_one_answer(text):
    assert len(dict(pairs(text))) == len(pairs(text)) >= 35


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (342, "three hundred and forty-two"),
    ],
)
def test_in_words(number, words):
    assert in_words(number) == words


@pytest.mark.parametrize(
    ("number", "numeral"), [(4, "IV"), (9, "IX"), (44, "XLIV"), (90, "XC"), (1987, "MCMLXXXVII")]
)
def test_roman(number, numeral):
    assert roman(number) == numeral
