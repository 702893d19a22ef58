"""Random choices that are equal on every machine and in every version of Python."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")
LOW = (1 << 64) - 1


def number_of(*parts: object) -> int:
    """A 64-bit number that depends on every part's text."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


class Draw:
    """A stream of random numbers (splitmix64) from a seed."""

    def __init__(self, seed: int) -> None:
        self.state = seed & LOW

    def bits(self) -> int:
        """The next 64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & LOW
        value = self.state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & LOW
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & LOW
        return value ^ (value >> 31)

    def unit(self) -> float:
        """0 <= number < 1."""
        return (self.bits() >> 11) / (1 << 53)

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.bits() % (high - low + 1)

    def one(self, things: Sequence[Thing]) -> Thing:
        """One of them."""
        return things[self.bits() % len(things)]

    def some(self, things: Sequence[Thing], number: int) -> list[Thing]:
        """`number` different ones, in random order."""
        left = list(things)
        return [left.pop(self.bits() % len(left)) for _ in range(number)]

    def shuffled(self, things: Sequence[Thing]) -> list[Thing]:
        """All of them in random order."""
        return self.some(things, len(things))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability
