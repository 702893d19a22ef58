"""Pools of an endless source: each always the same, whole, and different from the others."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from lmlab.data.conversation import single
from lmlab.data.encode import Encoded
from lmlab.data.endless import NUM_ROWS, NUMBERS, Pools


def encoded(numbers: range) -> list[Encoded]:
    """Example n is 3 to 9 tokens that are n."""
    made = [np.full(3 + number % 7, number) for number in numbers]
    return [Encoded(ids, ids > 0, ids[:1], single("a", "b")) for ids in made]


def numbers_of(rows: list) -> list[int]:
    return [int(example.tokens[0]) for row in rows for example in row]


def test_a_pool_is_the_beginning_of_its_numbers_each_once():
    pools = Pools(encoded, capacity=16, packed=True)
    assert len(pools) == len(pools.pool(0)) == NUM_ROWS
    found = sorted(numbers_of(pools.pool(0)))
    assert found == list(range(len(found)))
    assert min(numbers_of(pools.pool(1))) == NUMBERS
    used = sum(example.length for row in pools.pool(0) for example in row)
    assert used / (16 * NUM_ROWS) > 0.95


def test_pools_are_made_again_alike_and_few_are_kept():
    pools = Pools(encoded, capacity=16, packed=True)
    first = numbers_of(pools.pool(0))
    for number in (1, 2, 3):
        pools.pool(number)
    assert list(pools.kept) == [2, 3]
    copy = pickle.loads(pickle.dumps(Pools(encoded, 16, True)))
    assert numbers_of(pools.pool(0)) == first == numbers_of(copy.pool(0))


def test_unpacked_rows_are_examples_and_long_ones_are_counted():
    pools = Pools(encoded, capacity=5, packed=False)
    rows = pools.pool(0)
    assert len(rows) == NUM_ROWS and max(row.length for row in rows) == 5
    assert pools.num_too_long == sum(3 + n % 7 > 6 for n in range(pools.num_drawn))
    assert pools[0] is rows[0]


def test_nothing_short_enough_is_an_error():
    with pytest.raises(ValueError, match="data.seq_len=1: every example is longer"):
        Pools(encoded, capacity=1, packed=True).pool(0)
