"""Keeping processes in step that hold parts of one model: each must run it equally often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Part = TypeVar("Part")


def in_step(parts: Sequence[Part], number: int) -> Iterator[tuple[Part, bool]]:
    """Every part with True; then the last one with False, for nothing, until there were `number`."""
    for part in parts:
        yield part, True
    for _ in range(len(parts), number):
        yield parts[-1], False
