"""The types that cross between rooms.

Letters of the whole project: B batch, T tokens, S source tokens, D width, H heads, K head width,
F feed-forward width, V vocabulary, G samples a prompt.

Mask: every mask is bool and True means "this position counts". There is no ignore index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal, Self

import numpy as np
from torch import Tensor

# Special tokens that an objective or a format may need beyond `eos`, in the order they are appended.
MARKS = ("pad", "mask", "cls", "sep", "turn_start", "turn_end")
NUM_SENTINELS = 100
# What a class may wish the vocabulary to have besides `eos`, the least first.
SPECIALS = ("none", "marks", "sentinels")
# The number of a document that later tokens of every document of its row see: a shared prompt.
SEEN_BY_ALL = -(2**31)


@dataclass(frozen=True, slots=True)
class Vocab:
    """What a tokenizer tells the rest: its size and its special tokens.

    `eos` stands before every document and after the last one, so it opens a document (as a
    beginning-of-sequence token would) and is what the last token of a document predicts.
    `turn_start` and `turn_end` frame a turn of a chat; `sentinels` name hidden spans (T5's <X>, <Y>).
    """

    size: int
    eos: int
    pad: int | None = None
    mask: int | None = None
    cls: int | None = None
    sep: int | None = None
    turn_start: int | None = None
    turn_end: int | None = None
    sentinels: tuple[int, ...] = ()

    def with_specials(self, specials: Literal["none", "marks", "sentinels"]) -> Vocab:
        """The vocabulary with what is missing of MARKS, or of MARKS and 100 sentinels, at its end.

        A tokenizer that has these tokens of its own keeps them. Ids never move, so a token cache and
        weights of the smaller vocabulary stay usable.
        """
        if specials == "none":
            return self
        names = [name for name in MARKS if getattr(self, name) is None]
        found = {name: self.size + index for index, name in enumerate(names)}
        size, sentinels = self.size + len(names), self.sentinels
        if specials == "sentinels" and not sentinels:
            sentinels = tuple(range(size, size + NUM_SENTINELS))
            size += NUM_SENTINELS
        return replace(self, size=size, sentinels=sentinels, **found)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Example:
    """One window of a corpus, before the objective has seen it. tokens (L,), L = window length.

    others: as many more windows as the objective's Window asks for, drawn by the sample's seed.
    """

    tokens: np.ndarray
    num_real: int  # tokens beyond this index are padding (the last window of a corpus)
    others: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """How an objective wants the token stream cut: windows of `length`, one every `stride`.

    others: how many other windows of the stream come with each.
    """

    length: int
    stride: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class Lengths:
    """What an objective makes of one window, in tokens, to count arithmetic.

    source: through the encoder (0 without one); target: through the decoder, or the encoder where it
    stands alone; scored: positions whose logits are needed, on average.
    """

    source: int
    target: int
    scored: float


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
    documents (B, T) int64 or None: attention stays among equal numbers (padding has a number of its
    own); None: one document a row;
    prefix (B, T) bool or None, decoders only: tokens that all tokens of their document see.
    """

    tokens: Tensor
    targets: Tensor
    mask: Tensor
    positions: Tensor | None = None
    documents: Tensor | None = None
    prefix: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor | None, ...]:
        """The positional arguments of `arch.forward`."""
        return self.tokens, self.positions, self.documents, self.prefix


@dataclass(frozen=True, slots=True)
class SegmentBatch(Batch):
    """A batch of two segments a row for an encoder, as BERT's pretraining reads them.

    As TokenBatch, and segments (B, T) int64: 0 or 1; is_next (B,) int64: 1 where the second segment
    really follows the first.
    """

    tokens: Tensor
    targets: Tensor
    mask: Tensor
    segments: Tensor
    is_next: Tensor
    positions: Tensor | None = None
    documents: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor | None, ...]:
        """The positional arguments of an encoder's `forward`."""
        return self.tokens, self.positions, self.documents, self.segments


@dataclass(frozen=True, slots=True)
class Seq2SeqBatch(Batch):
    """A batch for an encoder-decoder.

    source (B, S) int64; source_mask (B, S) bool: real tokens; tokens (B, T) int64: the decoder's
    input, `pad` and then the targets shifted by one; targets (B, T) int64; mask (B, T) bool.
    """

    source: Tensor
    source_mask: Tensor
    tokens: Tensor
    targets: Tensor
    mask: Tensor

    @property
    def inputs(self) -> tuple[Tensor | None, ...]:
        """The positional arguments of an encoder-decoder's `forward`."""
        return self.source, self.tokens, self.source_mask


@dataclass(frozen=True, slots=True)
class Head:
    """How hidden states (..., D) become logits: readout(hidden) @ weight.T + bias.

    weight (V, D); bias (V,) or None; readout: (..., D) to (..., D), or None for the identity;
    next_sentence: hidden (B, T, D) to logits (B, 2), where the architecture has that head.
    """

    weight: Tensor
    bias: Tensor | None = None
    readout: Callable[[Tensor], Tensor] | None = None
    next_sentence: Callable[[Tensor], Tensor] | None = None


def mix(value: np.ndarray) -> np.ndarray:
    """Scatter 64-bit integers (splitmix64), uint64 in and out, any shape.

    The one source of order and noise: a pure function of integers, equal on every machine.
    """
    with np.errstate(over="ignore"):
        value = value + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


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


@dataclass(frozen=True, slots=True)
class RankedBatch(Batch):
    """K completions of each prompt, as a labeller ordered them; a pair is K = 2, the chosen first.

    tokens (B, K, T) int64: prompt and completion, padded on the right;
    lengths (B, K) int64: real tokens of each, 0 where a prompt has fewer than K completions;
    mask (B, K, T) bool: tokens of the completion, its end mark included;
    ranks (B, K) int64: 0 is the best, equal numbers are ties, best first in every row;
    margin (B,) float32: how much better the chosen one is by the label, 0 where that is unknown;
    labeller (B,) int64: its number in the data's `labellers`, -1 unknown;
    index (B,) int64: the example's number, for its texts.
    """

    tokens: Tensor
    lengths: Tensor
    mask: Tensor
    ranks: Tensor
    margin: Tensor
    labeller: Tensor
    index: Tensor


@dataclass(frozen=True, slots=True)
class PromptBatch(Batch):
    """Prompts that a policy answers.

    tokens (B, P) int64: padded on the right; lengths (B,) int64: real tokens of each;
    index (B,) int64: the number by which the data finds text and accepted answers again.
    """

    tokens: Tensor
    lengths: Tensor
    index: Tensor


@dataclass(frozen=True, slots=True)
class LabelBatch(Batch):
    """Texts to classify. An example is C sequences: one; a pair in both orders; or C choices.

    tokens (B, C, T) int64: padded on the right; lengths (B, C) int64: real tokens of each, 0 where
    an example has fewer choices; segments (B, C, T) int64: 0 and 1, the first and the second text;
    label (B,) int64: the class or the right choice, -1 one that is not known; value (B,) float32:
    the label as a number, NaN where it is none; index (B,) int64: the example's number, for its text.
    """

    tokens: Tensor
    lengths: Tensor
    segments: Tensor
    label: Tensor
    value: Tensor
    index: Tensor
