from __future__ import annotations

import numpy as np
import pytest

from lmlab.objective.denoise import (
    Ragged,
    column,
    join,
    name_spans,
    pack,
    roll,
    span_starts,
    spell_spans,
    suffix,
)
from tests.objective.spans import restore_spans

SENTINELS = np.arange(100, 110)


def rows_of(part: Ragged) -> list[list[int]]:
    return [tokens[keep].tolist() for tokens, keep in zip(part.tokens, part.keep, strict=True)]


def plain_spans(tokens: list[int], noise: list[bool]) -> tuple[list[int], list[int]]:
    """The two span rules, one token after another."""
    source: list[int] = []
    target: list[int] = []
    number, before = 0, False
    for token, is_hidden in zip(tokens, noise, strict=True):
        if is_hidden and not before:
            source.append(100 + number)
            target.append(100 + number)
            number += 1
        (target if is_hidden else source).append(token)
        before = is_hidden
    return source, [*target, 100 + number]


def test_rows_are_packed_from_the_left():
    rows = Ragged(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, 0, 1], [0, 0, 1]], bool))
    assert rows.lengths.tolist() == [2, 1]
    assert pack(rows, 4, 9).tolist() == [[1, 3, 9, 9], [6, 9, 9, 9]]


def test_parts_are_joined_row_by_row_and_rows_can_be_emptied():
    rows = Ragged(np.array([[1, 2], [3, 4]]), np.ones((2, 2), bool))
    joined = join(column(7, 2), rows.only(np.array([True, False])), column(np.array([8, 9]), 2))
    assert rows_of(joined) == [[7, 1, 2, 8], [7, 9]]


def test_a_run_of_hidden_tokens_starts_once():
    noise = np.array([[1, 1, 0, 1, 0, 1, 1]], bool)
    assert span_starts(noise).tolist() == [[True, False, False, True, False, True, False]]


def test_spans_at_both_ends_and_rows_without_any():
    tokens = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    noise = np.array([[1, 1, 0, 1], [0, 0, 0, 0]], bool)
    real = np.ones_like(noise)
    assert rows_of(name_spans(tokens, noise, real, SENTINELS)) == [[100, 3, 101], [5, 6, 7, 8]]
    assert rows_of(spell_spans(tokens, noise, SENTINELS)) == [[100, 1, 2, 101, 4, 102], [100]]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_span_rules_equal_the_plain_loop_and_can_be_undone(rate):
    random = np.random.default_rng(0)
    tokens = random.integers(1, 99, (50, 17))
    noise = random.random((50, 17)) < rate
    sources = rows_of(name_spans(tokens, noise, np.ones_like(noise), SENTINELS))
    targets = rows_of(spell_spans(tokens, noise, SENTINELS))
    for row in range(50):
        expected = plain_spans(tokens[row].tolist(), noise[row].tolist())
        assert (sources[row], targets[row]) == expected
        restored = restore_spans(sources[row], targets[row], tuple(SENTINELS.tolist()))
        assert restored == tokens[row].tolist()


def test_more_spans_than_sentinels_are_refused():
    noise = np.array([[1, 0] * 10], bool)
    with pytest.raises(ValueError, match=r"10 hidden spans.*at most 9.*objective.rate"):
        name_spans(np.zeros((1, 20), int), noise, np.ones_like(noise), SENTINELS)


def test_rolling_goes_round_the_real_part_only():
    noise = np.array([[0, 0, 1, 1, 0], [0, 0, 1, 0, 0]], bool)
    moved = roll(noise, np.array([4, 3]), np.array([1, 0]))
    assert moved.astype(int).tolist() == [[1, 0, 0, 1, 0], [0, 0, 1, 0, 0]]


def test_a_suffix_ends_with_what_is_real():
    found = suffix(np.array([4, 2, 0]), 5, np.array([1, 2, 0]))
    assert found.astype(int).tolist() == [[0, 1, 1, 1, 0], [0] * 5, [0] * 5]
