"""A mesh of machines in one process: who holds which numbers, and what a collective makes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

Spec = tuple[str | None, ...]
Place = tuple[int, ...]
Held = dict[Place, np.ndarray]


class Machines:
    """A mesh such as {"y": 2, "x": 4}; a machine is a place (0..1, 0..3), numbered row by row."""

    def __init__(self, shape: Mapping[str, int]) -> None:
        self.shape = dict(shape)
        self.places: list[Place] = list(product(*(range(size) for size in shape.values())))

    def coordinate(self, place: Place, axis: str) -> int:
        return place[list(self.shape).index(axis)]

    def ranges(self, shape: Sequence[int], spec: Spec, place: Place) -> tuple[slice, ...]:
        """Which part of an array a machine holds. Raises: ValueError where it does not divide."""
        found = []
        for size, axis in zip(shape, spec, strict=True):
            parts = 1 if axis is None else self.shape[axis]
            if size % parts:
                raise ValueError(f"a dimension of {size} does not divide by {axis}={parts}")
            at = 0 if axis is None else self.coordinate(place, axis)
            found.append(slice(at * size // parts, (at + 1) * size // parts))
        return tuple(found)

    def cut(self, array: np.ndarray, spec: Spec) -> Held:
        """Every machine's part of an array."""
        return {p: array[self.ranges(array.shape, spec, p)] for p in self.places}

    def line(self, place: Place, axis: str) -> list[Place]:
        """The machines that differ from this one on one axis only, in order, itself included."""
        at = list(self.shape).index(axis)
        return [(*place[:at], i, *place[at + 1 :]) for i in range(self.shape[axis])]

    def all_gather(self, held: Held, dim: int, axis: str) -> Held:
        """Every machine's parts along an axis, one after the other in a dimension."""
        return {p: np.concatenate([held[q] for q in self.line(p, axis)], dim) for p in self.places}

    def all_reduce(self, held: Held, axis: str) -> Held:
        """The sums of the machines' numbers along an axis."""
        return {p: np.sum([held[q] for q in self.line(p, axis)], axis=0) for p in self.places}

    def put_together(self, held: Held, shape: Sequence[int], spec: Spec) -> np.ndarray:
        """The whole array from the parts. Raises: ValueError where machines disagree on a number."""
        whole = np.full(shape, np.nan)
        for place in self.places:
            part = self.ranges(shape, spec, place)
            before = whole[part]
            if not np.array_equal(before[~np.isnan(before)], held[place][~np.isnan(before)]):
                raise ValueError(f"machine {place} holds other numbers than an earlier one")
            whole[part] = held[place]
        return whole


def ring_all_gather(num_machines: int) -> list[list[list[int]]]:
    """Which pieces (1 ...) each machine has: at first its own, after the last step all of them.

    In a step each machine passes on to the next the piece that it got last. Source: row S1-12.
    """
    have = [[i] for i in range(1, num_machines + 1)]
    steps = [[list(pieces) for pieces in have]]
    for _ in range(num_machines - 1):
        newest = [pieces[-1] for pieces in have]
        for i in range(num_machines):
            have[i].append(newest[i - 1])
        steps.append([sorted(pieces) for pieces in have])
    return steps


def sent_by_one(kind: str, num_bytes: float, devices: int) -> float:
    """Bytes that one machine of a ring sends, of a collective over a whole array of num_bytes.

    All-gather and reduce-scatter (n - 1) / n of it, all-reduce twice that.
    """
    share = (devices - 1) / devices * num_bytes
    return 2 * share if kind == "all-reduce" else share
