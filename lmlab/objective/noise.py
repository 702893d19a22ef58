"""Noise as pure functions of (seed of the row, place): which tokens of a batch are hidden or moved.

Every function takes seeds (B,) uint64, one a row, and returns (B, ...) without a loop over tokens; a
row's noise does not depend on the other rows. `salt` keeps draws of the same seed apart.
"""

from __future__ import annotations

import numpy as np

from lmlab.batch import mix

STEP = np.uint64(0x9E3779B97F4A7C15)
TOP = np.uint64(1 << 63)


def scatter(seeds: np.ndarray, places: np.ndarray, salt: int) -> np.ndarray:
    """64 random bits for each (seed, place), broadcast against each other: uint64."""
    keys = mix(seeds ^ mix(np.full(1, salt, np.uint64)))
    return mix(keys + places.astype(np.uint64) * STEP)


def uniform(seeds: np.ndarray, num: int, salt: int) -> np.ndarray:
    """(B, num) float32, uniform in [0, 1), multiples of 2^-24."""
    return to_uniform(scatter(seeds[:, None], np.arange(num), salt))


def integers(seeds: np.ndarray, num: int, high: int, salt: int) -> np.ndarray:
    """(B, num) int64, uniform in 0 .. high - 1; high below 2^32."""
    return to_integers(scatter(seeds[:, None], np.arange(num), salt), high)


def to_uniform(bits: np.ndarray) -> np.ndarray:
    """64 random bits (uint64) to float32 in [0, 1)."""
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def to_integers(bits: np.ndarray, high: int) -> np.ndarray:
    """64 random bits (uint64) to int64 in 0 .. high - 1."""
    return ((bits >> np.uint64(32)) * np.uint64(high) >> np.uint64(32)).astype(np.int64)


def num_hidden(num_valid: np.ndarray, rate: float | np.ndarray) -> np.ndarray:
    """round(rate * num_valid) tokens of each row (B,), at least 1 where there is one and rate > 0."""
    number = np.rint(num_valid * np.asarray(rate, np.float64)).astype(np.int64)
    return np.minimum(np.maximum(number, np.asarray(rate) > 0), num_valid)


def iid_mask(
    seeds: np.ndarray, valid: np.ndarray, rate: float | np.ndarray, salt: int = 1
) -> np.ndarray:
    """(B, T) bool: exactly `num_hidden` of the valid (B, T) tokens, every subset equally likely."""
    return choose(seeds, valid, num_hidden(valid.sum(axis=1), rate), salt)


def choose(seeds: np.ndarray, valid: np.ndarray, counts: np.ndarray, salt: int) -> np.ndarray:
    """(B, T) bool: counts (B,) of the places where valid (B, T), every subset equally likely."""
    keys = _keys(seeds, valid, salt)
    last = np.sort(keys, axis=1)[np.arange(len(keys)), np.maximum(counts, 1) - 1]
    return (keys <= last[:, None]) & valid & (counts > 0)[:, None]


def permutation(seeds: np.ndarray, valid: np.ndarray, salt: int = 2) -> np.ndarray:
    """(B, T) int64: where each place takes its token from; places that are not valid keep theirs.

    Every order of the valid places is equally likely: np.take_along_axis(tokens, permutation, 1).
    """
    index = np.arange(valid.shape[1], dtype=np.uint64)
    in_order = np.sort(np.where(valid, index, TOP | index), axis=1) & ~TOP
    result = np.empty(valid.shape, np.int64)
    np.put_along_axis(result, in_order.astype(np.int64), shuffled(seeds, valid, salt), axis=1)
    return result


def shuffled(seeds: np.ndarray, valid: np.ndarray, salt: int) -> np.ndarray:
    """(B, T) int64: the valid places of each row in random order, then the other places."""
    low = np.uint64((1 << valid.shape[1].bit_length()) - 1)
    ranked = np.sort(_keys(seeds, valid, salt), axis=1)
    return (ranked & low).astype(np.int64)


def _keys(seeds: np.ndarray, valid: np.ndarray, salt: int) -> np.ndarray:
    """(B, T) uint64, all different in a row: random where valid, above those elsewhere."""
    index = np.arange(valid.shape[1], dtype=np.uint64)
    low = np.uint64((1 << valid.shape[1].bit_length()) - 1)
    bits = scatter(seeds[:, None], index, salt) >> np.uint64(1)
    return np.where(valid, (bits & ~low) | index, TOP | index)


# ---- spans


def span_counts(
    num_real: np.ndarray, rate: float | np.ndarray, mean_span: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Noise tokens and spans of rows of num_real (B,) tokens; both 0 below two tokens."""
    noise = np.rint(num_real * np.asarray(rate, np.float64)).astype(np.int64)
    noise = np.where(num_real > 1, np.clip(noise, 1, np.maximum(num_real - 1, 1)), 0)
    spans = np.rint(noise / np.asarray(mean_span, np.float64)).astype(np.int64)
    return noise, np.minimum(np.maximum(spans, noise > 0), np.minimum(noise, num_real - noise))


def span_mask(
    seeds: np.ndarray,
    num_real: np.ndarray,
    length: int,
    rate: float | np.ndarray,
    mean_span: float | np.ndarray,
    salt: int = 3,
) -> np.ndarray:
    """(B, length) bool: T5's random spans over the first num_real (B,) tokens of each row.

    round(num_real * rate) tokens in round(that / mean_span) spans; the lengths of the spans and of
    the parts between them are uniform over all ways to divide the tokens. A row starts with a part
    that is kept and ends with a span, spans never touch. rate and mean_span: a number or (B,).
    Source: random_spans_noise_mask of T5 (section 3.1.4 and appendix).
    """
    noise, num_spans = span_counts(num_real, rate, mean_span)
    hidden = segment_ends(seeds, noise, num_spans, salt)
    kept = segment_ends(seeds, num_real - noise, num_spans, salt + 1000)
    rows, which = np.nonzero(np.arange(hidden.shape[1]) < num_spans[:, None])
    before = np.where(which > 0, hidden[rows, which - 1], 0)
    steps = np.zeros((len(seeds), length + 1), np.int8)
    steps[rows, kept[rows, which] + before] = 1
    steps[rows, kept[rows, which] + hidden[rows, which]] = -1
    return np.cumsum(steps[:, :-1], axis=1, dtype=np.int8).astype(bool)


def segment_ends(
    seeds: np.ndarray, num_items: np.ndarray, num_segments: np.ndarray, salt: int
) -> np.ndarray:
    """Divide num_items (B,) into num_segments (B,) parts of at least 1, uniform over all ways.

    (B, K) int64, K the most segments of a row: the end of each, and num_items beyond the last.
    """
    cuts = np.arange(1, max(2, int(num_items.max(initial=0))))
    places = cuts < num_items[:, None]
    chosen = choose(seeds, places, np.maximum(num_segments - 1, 0), salt)
    most = max(1, int(num_segments.max(initial=0)))
    ends = np.repeat(num_items[:, None], most, axis=1)
    rows, columns = np.nonzero(chosen)
    ends[rows, rank_in_row(rows, len(seeds))] = cuts[columns]
    return ends


def rank_in_row(rows: np.ndarray, num_rows: int) -> np.ndarray:
    """Sorted row numbers (N,) to how many earlier entries have the same row: 0, 1, 2 ... (N,)."""
    counts = np.bincount(rows, minlength=num_rows)
    return np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
