"""Noise that respects words: whole words hidden (BERT), geometric spans of words (SpanBERT)."""

from __future__ import annotations

import numpy as np

from lmlab.objective.noise import num_hidden, scatter, shuffled, to_uniform

# Bits of the table of word starts.
STARTS, ENDS = 1, 2


def word_numbers(
    tokens: np.ndarray, valid: np.ndarray, word_starts: np.ndarray | None
) -> np.ndarray:
    """(B, T) int64: the number of a token's word in its row, 0, 1, 2 ...; -1 where not valid.

    word_starts (V,) bool or uint8: bit STARTS, the token begins a word; bit ENDS, the token after it
    begins one. None: every token is a word. A word also begins after a token that is not valid.
    """
    begins = np.ones_like(valid)
    if word_starts is not None:
        edges = word_starts.astype(np.uint8)[tokens]
        begins = (edges & STARTS).astype(bool)
        begins[:, 0] = True
        begins[:, 1:] |= (edges[:, :-1] & ENDS).astype(bool) | ~valid[:, :-1]
    return np.where(valid, np.cumsum(begins & valid, axis=1) - 1, -1)


def word_bounds(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, T) word numbers to where each word begins and ends, (B, W) int64 each; 0, 0 if there is none.

    The end is the place after the last token; W is the most words of a row, at least 1.
    """
    shape = len(words), max(1, int(words.max(initial=-1)) + 1)
    begins, ends = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    padded = np.pad(words, ((0, 0), (1, 1)), constant_values=-1)
    rows, places = np.nonzero((words >= 0) & (words != padded[:, :-2]))
    begins[rows, words[rows, places]] = places
    rows, places = np.nonzero((words >= 0) & (words != padded[:, 2:]))
    ends[rows, words[rows, places]] = places + 1
    return begins, ends


def whole_word_mask(
    seeds: np.ndarray, words: np.ndarray, rate: float, salt: int = 10
) -> np.ndarray:
    """(B, T) bool: words in random order, each taken whole unless it would exceed the budget.

    words (B, T): `word_numbers`. The budget is `num_hidden` tokens, or the shortest word if that is
    longer; it is met exactly wherever short words are left. Source: BERT's whole-word masking.
    """
    begins, ends = word_bounds(words)
    sizes, exists = ends - begins, ends > begins
    budget = num_hidden((words >= 0).sum(axis=1), rate)
    shortest = np.where(exists, sizes, words.shape[1] + 1).min(axis=1)
    order = shuffled(seeds, exists, salt)
    in_order = np.take_along_axis(sizes, order, axis=1)
    taken = np.zeros_like(exists)
    np.put_along_axis(taken, order, fill_budget(in_order, np.maximum(budget, shortest)), axis=1)
    return np.take_along_axis(taken, np.maximum(words, 0), axis=1) & (words >= 0)


def fill_budget(sizes: np.ndarray, budget: np.ndarray) -> np.ndarray:
    """(B, W) bool: from left to right each of sizes (B, W), 0: none, that still fits in budget (B,)."""
    taken = np.zeros(sizes.shape, bool)
    left, waiting = budget.copy(), (sizes > 0) & (sizes <= budget[:, None])
    while waiting.any():
        fits = waiting & (np.cumsum(np.where(waiting, sizes, 0), axis=1) <= left[:, None])
        taken |= fits
        left -= (sizes * fits).sum(axis=1)
        waiting &= ~fits & (sizes <= left[:, None])
    return taken


def geometric_lengths(bits: np.ndarray, p: float, most: int) -> np.ndarray:
    """64 random bits to span lengths: P(l) in proportion to p (1 - p)^(l - 1), l = 1 .. most."""
    ends = np.cumsum((1 - p) ** np.arange(most))
    return np.searchsorted(ends[:-1] / ends[-1], to_uniform(bits), side="right") + 1


def geometric_spans(
    seeds: np.ndarray, words: np.ndarray, rate: float, p: float, most: int, salt: int = 11
) -> np.ndarray:
    """(B, T) int64: the number of the span that hides a token, -1 where it stays.

    Until exactly `num_hidden` tokens are hidden: a place that is not yet hidden, uniformly; from the
    start of its word on, a geometric number of words at most `most`, or less where the text or the
    budget ends. words (B, T): `word_numbers`. The loop is over spans, of all rows at once.
    Source: SpanBERT section 3.1 and its code: 3.8 words on average with p 0.2, most 10.
    """
    valid = words >= 0
    spans = np.full(words.shape, -1, np.int64)
    left = num_hidden(valid.sum(axis=1), rate)
    anchors, limits = shuffled(seeds, valid, salt), _Limits(words)
    for index in range(words.shape[1]):
        rows = np.flatnonzero(left > 0)
        if not len(rows):
            break
        rows = rows[spans[rows, anchors[rows, index]] < 0]
        lengths = geometric_lengths(scatter(seeds[rows], np.full(1, index), salt + 1000), p, most)
        start, stop = limits.span(rows, anchors[rows, index], lengths)
        _hide(spans, left, rows, start, stop, index)
    return spans


class _Limits:
    """Where spans of whole words begin and end in rows of word numbers (B, T)."""

    def __init__(self, words: np.ndarray) -> None:
        num_tokens = words.shape[1]
        self.words, (self.begins, self.ends) = words, word_bounds(words)
        holes = np.where(words >= 0, num_tokens, np.arange(num_tokens))
        self.holes = np.minimum.accumulate(holes[:, ::-1], axis=1)[:, ::-1]
        self.last = np.maximum(words.max(axis=1), 0)

    def span(
        self, rows: np.ndarray, anchors: np.ndarray, lengths: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Start and stop (N,) of spans of `lengths` words from the words at `anchors` on."""
        first = self.words[rows, anchors]
        last = np.minimum(first + lengths - 1, self.last[rows])
        stops = np.minimum(self.ends[rows, last], self.holes[rows, anchors])
        return self.begins[rows, first], stops


def _hide(
    spans: np.ndarray,
    left: np.ndarray,
    rows: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    number: int,
) -> None:
    """Write the span's number where its row is free, and no further than the budget `left` goes."""
    width = int((stop - start).max(initial=0))
    places = start[:, None] + np.arange(width)
    inside = places < stop[:, None]
    places = np.minimum(places, spans.shape[1] - 1)
    inside &= spans[rows[:, None], places] < 0
    inside &= np.cumsum(inside, axis=1) <= left[rows, None]
    which, offset = np.nonzero(inside)
    spans[rows[which], places[which, offset]] = number
    left[rows] -= inside.sum(axis=1)
