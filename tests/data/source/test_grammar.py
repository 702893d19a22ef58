"""Text whose entropy is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmlab.data.source.grammar import Grammar


def make(**changes):
    keys = {
        "num_symbols": 4,
        "order": 1,
        "concentration": 0.5,
        "num_documents": 3000,
        "mean_length": 50,
        "seed": 1,
    }
    return Grammar(**(keys | changes))


def read(source):
    return [piece.text for piece in source.pieces()]


def test_two_even_letters_give_the_entropy_written_down_by_hand():
    """State 0 (eos): one of two letters, ln 2. A letter: eos with 1/4, else one of two."""
    source = make(num_symbols=2, mean_length=4)
    source.letters = np.full((3, 2), 0.5)
    after_letter = 0.25 * math.log(4) + 0.75 * (math.log(4 / 3) + math.log(2))
    # Four letters a document on average, and one eos.
    assert source.stationary.tolist() == pytest.approx([0.2, 0.4, 0.4])
    assert source.entropy_rate_nats == pytest.approx(0.2 * math.log(2) + 0.8 * after_letter)
    bits = (math.log(2) + 4 * after_letter) / math.log(2) / 4
    assert source.entropy_bits_per_byte == pytest.approx(bits)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_text_itself_costs_as_many_nats_as_computed(order):
    """-log P of drawn documents under the chain, written apart from the class's own walk."""
    source = make(order=order)
    total, tokens = 0.0, 0
    for text in read(source):
        letters = ["abcd".index(letter) for letter in text]
        for position in range(len(letters) + 1):
            last = letters[max(0, position - order) : position]
            state = sum(4**length for length in range(len(last)))
            state += sum(letter * 4**power for power, letter in enumerate(reversed(last)))
            ends = 0.0 if position == 0 else 1 / 50
            if position == len(letters):
                total -= math.log(ends)
            else:
                total -= math.log((1 - ends) * source.letters[state, letters[position]])
            tokens += 1
    assert total / tokens == pytest.approx(source.entropy_rate_nats, rel=0.01)


def test_frequencies_of_pairs_give_the_same_entropy_without_knowing_the_chain():
    text = "\n".join(read(make(num_documents=8000)))
    symbols = np.frombuffer(("\n" + text + "\n").encode(), np.uint8)
    codes = np.unique(symbols, return_inverse=True)[1]
    pairs = np.zeros((5, 5))
    np.add.at(pairs, (codes[:-1], codes[1:]), 1)
    share = pairs / pairs.sum()
    after = np.divide(pairs, pairs.sum(1, keepdims=True), where=pairs > 0, out=np.ones_like(pairs))
    estimate = -(share * np.log(after)).sum()
    assert estimate == pytest.approx(make().entropy_rate_nats, rel=0.01)


def test_documents_are_never_empty_and_as_long_as_asked():
    texts = read(make())
    assert len(texts) == 3000 and min(map(len, texts)) >= 1
    assert np.mean([len(text) for text in texts]) == pytest.approx(50, rel=0.1)
    assert set("".join(texts)) == set("abcd")


def test_the_text_is_a_function_of_its_settings(tmp_path):
    assert read(make()) == read(make())
    assert read(make()) != read(make(seed=2))
    prints = {
        make(**change).fingerprint(tmp_path) for change in ({}, {}, {"seed": 2}, {"order": 2})
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_symbols": 1}, "data.source.num_symbols=1"),
        ({"num_symbols": 63}, "data.source.num_symbols=63"),
        ({"order": 0}, "data.source.order=0"),
        ({"num_symbols": 62, "order": 2}, "makes 3907 states"),
        ({"concentration": 0.0}, "concentration above 0"),
        ({"mean_length": 1}, "mean_length"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        make(**changes)
