"""Packing: a case by hand, then no example split, lost or doubled."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlab.data.pack import fill, pack

LENGTHS = st.lists(st.integers(1, 40), max_size=120)


def best_fit_by_hand(lengths: list[int], capacity: int) -> list[int]:
    """Free places of the rows after plain best fit decreasing, sorted."""
    free: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [index for index, left in enumerate(free) if left >= length]
        if fitting:
            free[min(fitting, key=free.__getitem__)] -= length
        else:
            free.append(capacity - length)
    return sorted(free)


def test_by_hand():
    assert pack([3, 5, 2, 2, 4], 6) == [[1], [4, 2], [0, 3]]
    assert pack([], 6) == [] and pack([6, 6], 6) == [[0], [1]]


@settings(max_examples=500, deadline=None)
@given(LENGTHS, st.integers(40, 90))
def test_whole_once_and_within_the_row(lengths, capacity):
    rows = pack(lengths, capacity)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in row) <= capacity for row in rows)
    free = sorted(capacity - sum(lengths[index] for index in row) for row in rows)
    assert free == best_fit_by_hand(lengths, capacity)


@settings(max_examples=200, deadline=None)
@given(LENGTHS, st.integers(40, 90), st.integers(1, 9))
def test_filling_places_a_beginning_of_the_stream(lengths, capacity, num_rows):
    rows = fill(lengths, capacity, num_rows)
    placed = sorted(index for row in rows for index in row)
    assert placed == list(range(len(placed))) and len(rows) <= num_rows
    assert all(sum(lengths[index] for index in row) <= capacity for row in rows)
    if len(placed) < len(lengths):
        free = [capacity - sum(lengths[index] for index in row) for row in rows]
        assert len(rows) == num_rows and max(free) < lengths[len(placed)]


@pytest.mark.parametrize("lengths", [[0, 3], [3, 7]])
def test_what_does_not_fit_is_refused(lengths):
    with pytest.raises(ValueError, match="do not fit in rows of 6"):
        pack(lengths, 6)


def test_a_hundred_thousand_examples_take_a_moment_and_little_room():
    lengths = np.random.default_rng(0).integers(1, 257, 100_000)
    started = time.perf_counter()
    rows = pack(lengths, 256)
    assert time.perf_counter() - started < 5
    assert lengths.sum() / (256 * len(rows)) > 0.99
