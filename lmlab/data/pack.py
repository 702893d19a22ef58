"""Best-fit packing: whole examples into rows of one length, none split, none lost."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


class Room:
    """How many rows there are for each number of free places, and the smallest that fits.

    A segment tree over free places 0..capacity: every step costs log(capacity).
    """

    def __init__(self, capacity: int) -> None:
        self.leaves = 1 << max(1, capacity.bit_length())
        self.has = np.zeros(2 * self.leaves, np.int64).tolist()
        self.rows: list[list[int]] = [[] for _ in range(capacity + 1)]

    def put(self, free: int, row: int) -> None:
        """Row `row` has `free` places left."""
        self.rows[free].append(row)
        self._add(free, 1)

    def take(self, length: int) -> tuple[int, int] | None:
        """The row with the least free places of at least `length`, as (free, row); None: no row."""
        free = self._first_from(length)
        if free is None:
            return None
        self._add(free, -1)
        return free, self.rows[free].pop()

    def _add(self, free: int, number: int) -> None:
        node = self.leaves + free
        while node:
            self.has[node] += number
            node >>= 1

    def _first_from(self, length: int) -> int | None:
        node = self.leaves + length
        if self.has[node]:
            return length
        while node > 1:  # up, until a right neighbour has a row
            if node % 2 == 0 and self.has[node + 1]:
                node += 1
                break
            node >>= 1
        else:
            return None
        while node < self.leaves:  # down, as far left as there is one
            node *= 2
            node += 0 if self.has[node] else 1
        return node - self.leaves


def pack(lengths: Iterable[int], capacity: int) -> list[list[int]]:
    """Best fit decreasing: numbers of examples by row, O(n log capacity).

    Longest first, each into the fullest row that still has room; ties in the order given.
    Raises: ValueError for a length below 1 or above capacity; who calls leaves those out and says so.
    """
    sizes = np.asarray(list(lengths), np.int64)
    if len(sizes) and (sizes.min() < 1 or sizes.max() > capacity):
        raise ValueError(
            f"lengths from {sizes.min()} to {sizes.max()} do not fit in rows of {capacity}"
        )
    return _place(np.argsort(-sizes, kind="stable").tolist(), sizes.tolist(), capacity, None)


def fill(lengths: Iterable[int], capacity: int, num_rows: int) -> list[list[int]]:
    """Best fit in the order given, into `num_rows` rows, until one does not fit any more.

    For examples without end: what is placed is a beginning of the stream, whole and in no row twice.
    """
    sizes = list(lengths)
    return _place(range(len(sizes)), sizes, capacity, num_rows)


def _place(
    order: Iterable[int], sizes: list[int], capacity: int, num_rows: int | None
) -> list[list[int]]:
    room = Room(capacity)
    rows: list[list[int]] = []
    for number in order:
        found = room.take(sizes[number])
        if found is None:
            if len(rows) == num_rows:
                break
            found = (capacity, len(rows))
            rows.append([])
        free, row = found
        rows[row].append(number)
        room.put(free - sizes[number], row)
    return rows
