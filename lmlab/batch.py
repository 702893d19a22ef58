"""The types that cross between rooms.

Letters of the whole project: B batch, T tokens, S source tokens, D width, H heads, K head width,
F feed-forward width, V vocabulary, G samples a prompt.

Mask: every mask is bool and True means "this position counts". There is no ignore index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Vocab:
    """What a tokenizer tells the rest: its size and its special tokens.

    `eos` stands before every document and after the last one, so it opens a document (as a
    beginning-of-sequence token would) and is what the last token of a document predicts.
    """

    size: int
    eos: int
    pad: int | None = None
    mask: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One window of a corpus, before the objective has seen it. tokens (L,), L = window length."""

    tokens: np.ndarray
    num_real: int  # tokens beyond this index are padding (the last window of a corpus)


@dataclass(frozen=True, slots=True)
class Window:
    """How an objective wants the token stream cut: windows of `length`, one every `stride`."""

    length: int
    stride: int


class Batch:
    """Base of all batches: a frozen dataclass of tensors whose first dimension is the example."""

    __slots__ = ()

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same batch with `function` applied to every tensor."""
        changed = {
            field.name: function(value)
            for field in fields(self)  # type: ignore[arg-type]
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **changed)  # type: ignore[type-var]

    def split(self, size: int) -> Iterator[Self]:
        """Micro-batches of at most `size` examples, in order."""
        total = next(
            len(value)
            for field in fields(self)  # type: ignore[arg-type]
            if isinstance(value := getattr(self, field.name), Tensor)
        )
        for start in range(0, total, size):
            rows = slice(start, start + size)
            yield self.map(lambda tensor, rows=rows: tensor[rows])  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class TokenBatch(Batch):
    """A batch for an architecture that maps one sequence to hidden states.

    tokens (B, T) int64; targets (B, T) int64; mask (B, T) bool: targets that count;
    positions (B, T) int64 or None: 0, 1, 2 ... in every row;
    documents (B, T) int64 or None: attention stays among equal numbers; None: one document a row.
    """

    tokens: Tensor
    targets: Tensor
    mask: Tensor
    positions: Tensor | None = None
    documents: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor | None, ...]:
        """The positional arguments of `arch.forward`."""
        return self.tokens, self.positions, self.documents


@dataclass(frozen=True, slots=True)
class Loss:
    """The score of a batch.

    total: sum of the loss over the positions that count, differentiable, in nats;
    count: how many positions count. The mean is total / count, and because both are sums they
    add up over micro-batches and ranks: the mean over a global batch does not depend on its split.
    metrics: further sums over the counted positions, by name, detached.
    """

    total: Tensor
    count: Tensor
    metrics: dict[str, Tensor]
