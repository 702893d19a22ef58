from __future__ import annotations

import numpy as np
import pytest

from lmlab.batch import mix
from lmlab.objective.noise import num_hidden, scatter, shuffled, uniform
from lmlab.objective.word_noise import (
    fill_budget,
    geometric_lengths,
    geometric_spans,
    whole_word_mask,
    word_bounds,
    word_numbers,
)

ALL = np.ones((1, 6), bool)


def seeds(number: int) -> np.ndarray:
    return mix(np.arange(number, dtype=np.uint64))


def random_words(number: int = 40, length: int = 60) -> np.ndarray:
    """Rows of words of one to five tokens, with places that are not valid."""
    valid = uniform(seeds(number), length, salt=8) < 0.95
    starts = np.array([True, False])
    tokens = (uniform(seeds(number), length, salt=9) < 0.5).astype(np.int64)
    return word_numbers(tokens, valid, starts)


def test_words_by_hand():
    # tokens: 0 " the", 1 "ing", 2 ".", and bit 2: a word begins after "."
    table = np.array([1, 0, 3], np.uint8)
    tokens = np.array([[1, 0, 1, 2, 1, 0]])
    assert word_numbers(tokens, ALL, table).tolist() == [[0, 1, 1, 2, 3, 4]]
    assert word_numbers(tokens, ALL, None).tolist() == [[0, 1, 2, 3, 4, 5]]
    assert word_numbers(tokens, ALL, np.array([True, False, True])).tolist() == [[0, 1, 1, 2, 2, 3]]


def test_a_special_token_ends_a_word():
    valid = np.array([[True, True, False, True, True, False]])
    words = word_numbers(np.zeros((1, 6), int), valid, np.array([False]))
    assert words.tolist() == [[0, 0, -1, 1, 1, -1]]
    begins, ends = word_bounds(words)
    assert begins.tolist() == [[0, 3]] and ends.tolist() == [[2, 5]]


def test_a_budget_is_filled_from_the_left():
    sizes = np.array([[4, 2, 3, 1, 1], [6, 0, 0, 0, 0]])
    taken = fill_budget(sizes, np.array([5, 5]))
    assert taken.astype(int).tolist() == [[1, 0, 0, 1, 0], [0, 0, 0, 0, 0]]


def greedy(words: np.ndarray, order: np.ndarray, budget: int) -> set[int]:
    """BERT's loop over one row's words, whose sizes are at least 1."""
    taken: set[int] = set()
    hidden = 0
    for word in order:
        size = int((words == word).sum())
        if hidden + size <= budget:
            taken.add(word)
            hidden += size
    return taken


def test_whole_words_are_those_of_the_plain_loop():
    words = random_words()
    mask = whole_word_mask(seeds(40), words, 0.15)
    exists = np.arange(words.max() + 1) <= words.max(1, keepdims=True)
    order = shuffled(seeds(40), exists, salt=10)
    for row in range(40):
        budget = int(num_hidden((words[row] >= 0).sum(), 0.15))
        taken = greedy(words[row], order[row, : exists[row].sum()], budget)
        assert mask[row].tolist() == [word in taken for word in words[row]]


def test_a_single_long_word_is_hidden_whole():
    assert whole_word_mask(seeds(1), np.zeros((1, 9), int), 0.15).all()
    assert not whole_word_mask(seeds(1), np.full((1, 9), -1), 0.15).any()


def test_span_lengths_are_geometric_and_cut_at_the_longest():
    lengths = geometric_lengths(scatter(seeds(1), np.arange(40_000), 1), 0.2, 10)
    shares = np.bincount(lengths, minlength=11)[1:] / len(lengths)
    exact = 0.2 * 0.8 ** np.arange(10) / (1 - 0.8**10)
    assert np.abs(shares - exact).max() < 0.008
    assert lengths.mean() == pytest.approx(3.797, abs=0.04)  # the paper's 3.8
    assert (geometric_lengths(scatter(seeds(1), np.arange(9), 1), 1.0, 10) == 1).all()


def plain_spans(seed: np.ndarray, words: np.ndarray, rate: float) -> list[int]:
    """SpanBERT's loop over one row, with the draws of `geometric_spans`."""
    valid = words >= 0
    result = [-1] * len(words)
    budget = int(num_hidden(valid.sum(), rate))
    anchors = shuffled(seed, valid[None], salt=11)[0]
    for number, anchor in enumerate(anchors[: valid.sum()]):
        if result[anchor] >= 0:
            continue
        length = geometric_lengths(scatter(seed, np.full(1, number), 1011), 0.2, 10)[0]
        place = int(np.flatnonzero(words == words[anchor])[0])
        stop = words[anchor] + length
        while place < len(words) and 0 <= words[place] < stop:
            if result[place] < 0 and sum(span >= 0 for span in result) < budget:
                result[place] = number
            place += 1
    return result


def test_geometric_spans_are_those_of_the_plain_loop():
    words = random_words()
    spans = geometric_spans(seeds(40), words, 0.3, 0.2, 10)
    for row in range(40):
        assert spans[row].tolist() == plain_spans(seeds(40)[row : row + 1], words[row], 0.3)


def test_spans_hide_an_exact_number_of_tokens():
    words = random_words()
    spans = geometric_spans(seeds(40), words, 0.15, 0.2, 10)
    valid = words >= 0
    assert (spans >= 0).sum(1).tolist() == num_hidden(valid.sum(1), 0.15).tolist()
    assert not (spans >= 0)[~valid].any()
    assert (geometric_spans(seeds(1), np.full((1, 4), -1), 0.15, 0.2, 10) == -1).all()
