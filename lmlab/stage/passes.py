"""Passes over a batch by length: each as wide as its own longest row, not the longest of all."""

from __future__ import annotations

import torch
from torch import Tensor

MOST, ROWS = 4, 8  # passes, and how many rows each has at least
MULTIPLE = 8  # of widths, so that few different ones occur


def num_passes(lengths: Tensor, least: int) -> int:
    """How many for a page of lengths (B, C), 0 where there is no row; `least`: rows there are at least."""
    return max(1, min(MOST, least, lengths.numel() // ROWS))


def passes(lengths: Tensor, width: int, number: int) -> list[tuple[Tensor, int]]:
    """The rows (n,) int64 of each pass, shortest first, and how wide they are, at most `width`.

    lengths (N,) int64; 1 <= number <= N. Together the passes have every row once.
    """
    parts = lengths.argsort(stable=True).tensor_split(number)
    return [
        (part, min(width, -(-int(lengths[part].max()) // MULTIPLE) * MULTIPLE)) for part in parts
    ]


def in_order(found: list[Tensor], made: list[tuple[Tensor, int]]) -> Tensor:
    """What the passes gave for their rows (n, ...), joined in the order of the batch (N, ...)."""
    return torch.cat(found)[torch.cat([rows for rows, _ in made]).argsort()]
