"""The order of samples and the seeds of noise, as pure functions of integers.

Sample counter n of a run is position n % N of epoch n // N. A position's sample is a permutation of
0 .. N-1 that is a pure function of (seed, epoch); nothing is stored, nothing depends on processes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lmlab.batch import mix

ROUNDS = 6
# Salts: the same numbers mean other things in an order and in a seed.
ORDER, NOISE = np.uint64(0x6F72646572), np.uint64(0x6E6F697365)
OTHERS = 0x6F74686572
# The epoch of validation samples: no training epoch is ever this one.
VALIDATION_EPOCH = 2**64 - 1


def hash_of(*parts: np.ndarray | int) -> np.ndarray:
    """One 64-bit hash of integers; arrays are combined element by element."""
    result = np.zeros(1, np.uint64)
    for part in parts:
        result = mix(result ^ mix(np.atleast_1d(np.asarray(part)).astype(np.uint64)))
    return result


def permuted(positions: np.ndarray, epochs: np.ndarray, seed: int, num_samples: int) -> np.ndarray:
    """The sample at each position of each epoch: (n,) integers to (n,) int64 in 0..num_samples-1.

    A Feistel network over the next even power of two, walked until it is back inside the range.
    """
    half = np.uint64(max(1, (max(1, num_samples - 1).bit_length() + 1) // 2))
    low = np.uint64((1 << int(half)) - 1)
    keys = hash_of(int(ORDER), seed, epochs)
    values = np.asarray(positions).astype(np.uint64)
    outside = np.ones(len(values), bool)
    while outside.any():
        values[outside] = _feistel(values[outside], keys[outside], half, low)
        outside = values >= np.uint64(num_samples)
    return values.astype(np.int64)


def _feistel(values: np.ndarray, keys: np.ndarray, half: np.uint64, low: np.uint64) -> np.ndarray:
    left, right = values >> half, values & low
    for index in range(ROUNDS):
        turn = mix(keys ^ mix(right ^ (np.uint64(index + 1) << np.uint64(58))))
        left, right = right, left ^ (turn & low)
    return (left << half) | right


def samples(counters: np.ndarray, seed: int, num_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Sample counters (n,) of a run to the epochs (n,) and the samples (n,) they stand for."""
    counters = np.asarray(counters, dtype=np.int64)
    epochs = counters // num_samples
    return epochs, permuted(counters % num_samples, epochs, seed, num_samples)


def noise_seeds(seed: int, epochs: np.ndarray | int, chosen: np.ndarray) -> np.ndarray:
    """(n,) uint64: all the randomness that an objective may use for each sample."""
    return hash_of(int(NOISE), seed, epochs, chosen)


def others(seeds: np.ndarray, chosen: np.ndarray, number: int, num_samples: int) -> np.ndarray:
    """(n, number) int64: other samples for each of `chosen` (n,), by its seed; (n, 0) of only one."""
    if num_samples < 2:
        return np.empty((len(chosen), 0), np.int64)
    draws = hash_of(OTHERS, np.repeat(seeds, number), np.tile(np.arange(number), len(chosen)))
    distance = (draws % np.uint64(num_samples - 1)).astype(np.int64).reshape(-1, number)
    return (np.asarray(chosen)[:, None] + 1 + distance) % num_samples


def share(batch: int, step_sequences: int, rank: int, world_size: int) -> np.ndarray:
    """The sample counters of a rank in one step-batch: the rank-th of equal, contiguous parts."""
    each = step_sequences // world_size
    start = batch * step_sequences + rank * each
    return np.arange(start, start + each, dtype=np.int64)


def batch_of_step(step: int, skipped: Iterable[tuple[int, int]]) -> int:
    """The batch of a run's step: the step-th that no (first, last) of `skipped` holds."""
    batch = step
    for first, last in sorted(skipped):
        if first > batch:
            break
        batch += last - first + 1
    return batch


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same (first, last) ranges in order, touching and overlapping ones joined."""
    result: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result
