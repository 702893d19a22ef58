"""Two segments a row, as BERT's pretraining reads them: where to split, what to put second."""

from __future__ import annotations

import numpy as np

from lmlab.objective.noise import choose

SPLIT = 30  # salt
NUM_OTHERS = 8  # a row that finds no partner among so many other windows keeps its own second half


def split_places(seeds: np.ndarray, inside: np.ndarray, num_real: np.ndarray) -> np.ndarray:
    """(B,) int64: where the second segment of each row begins, between a quarter and three quarters.

    inside (B, L) bool: places where a document goes on; only those are taken, each equally likely.
    A row without one in its middle half takes any; a row without any is cut in the middle.
    """
    index, real = np.arange(inside.shape[1]), num_real[:, None]
    middle = inside & (4 * index >= real) & (4 * index <= 3 * real)
    places = np.where(middle.any(axis=1, keepdims=True), middle, inside)
    number = np.minimum(places.sum(axis=1), 1)
    found = choose(seeds, places, number, SPLIT)
    return np.where(number > 0, found.argmax(axis=1), (num_real + 1) // 2)


def partners(
    others_inside: np.ndarray, others_real: np.ndarray, num_real: np.ndarray, split: np.ndarray
) -> np.ndarray:
    """(B,) int64: the first other window of each row that goes on at `split` and is as long; or -1.

    others_inside (B, K, L) bool: places where a document of the other window goes on; others_real
    (B, K): its tokens. So a real and a false pair look alike: the same lengths, and neither second
    segment opens a document.
    """
    at = np.minimum(split, others_inside.shape[2] - 1)[:, None, None]
    fits = np.take_along_axis(others_inside, at, axis=2)[:, :, 0]
    fits = fits & (others_real >= num_real[:, None]) & (split < num_real)[:, None]
    return np.where(fits.any(axis=1), fits.argmax(axis=1), -1)


def join_segments(
    first: np.ndarray,
    second: np.ndarray,
    split: np.ndarray,
    num_real: np.ndarray,
    marks: tuple[int, int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """`cls` A `sep` B `sep` padding: tokens and segments (B, L + 3) int64.

    A is first[:split], B is second[split:num_real], of rows (B, L); marks: cls, sep, pad. Segment 0
    is cls, A, the first sep and the padding; segment 1 is B and the second sep.
    """
    cls, sep, pad = marks
    place = np.arange(first.shape[1] + 3)[None, :]
    middle, last = split[:, None] + 1, num_real[:, None] + 2
    source = np.clip(place - 1 - (place > middle), 0, first.shape[1] - 1)
    tokens = np.where(
        place < middle,
        np.take_along_axis(first, source, axis=1),
        np.take_along_axis(second, source, axis=1),
    )
    tokens[:, 0] = cls
    tokens = np.where((place == middle) | (place == last), sep, tokens)
    segments = ((place > middle) & (place <= last)).astype(np.int64)
    return np.where(place > last, pad, tokens), segments
