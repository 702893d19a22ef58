"""The order of samples: a function of integers, the same for every number of processes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlab.data.order import (
    batch_of_step,
    hash_of,
    merged,
    mix,
    noise_seeds,
    others,
    permuted,
    samples,
    share,
)

STEPS, STEP_SEQUENCES, NUM_SAMPLES, SEED = 10_000, 8, 3001, 3


def test_splitmix64_gives_its_published_first_numbers():
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        states = np.arange(3, dtype=np.uint64) * golden + np.uint64(1234567)
    assert mix(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_order_of_eight_samples_is_written_down():
    """The order is part of what a checkpoint means: it must never change."""
    epochs, chosen = samples(np.arange(16), seed=0, num_samples=8)
    assert epochs.tolist() == [0] * 8 + [1] * 8
    assert chosen.tolist() == [0, 1, 3, 6, 2, 4, 5, 7, 0, 7, 4, 3, 1, 5, 2, 6]


@given(st.integers(1, 700), st.integers(0, 2**63), st.integers(0, 100))
def test_every_epoch_has_every_sample_once(number, seed, epoch):
    found = permuted(np.arange(number), np.full(number, epoch), seed, number)
    assert sorted(found.tolist()) == list(range(number))


def test_epochs_and_seeds_give_other_orders():
    orders = {
        tuple(permuted(np.arange(50), np.full(50, epoch), seed, 50).tolist())
        for epoch in range(3)
        for seed in range(3)
    }
    assert len(orders) == 9


def test_neighbours_do_not_stay_neighbours():
    found = permuted(np.arange(5000), np.zeros(5000, np.int64), 0, 5000)
    assert abs(np.corrcoef(np.arange(5000), found)[0, 1]) < 0.05
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.05


def test_noise_is_a_function_of_seed_epoch_and_sample_alone():
    seeds = noise_seeds(1, np.array([0, 0, 1]), np.array([4, 5, 4]))
    assert seeds.dtype == np.uint64 and len(set(seeds.tolist())) == 3
    assert noise_seeds(1, np.array([1]), np.array([4]))[0] == seeds[2]
    assert noise_seeds(2, np.array([1]), np.array([4]))[0] != seeds[2]
    assert hash_of(1, 2) != hash_of(2, 1)


def test_left_out_batches_are_passed_over():
    assert [batch_of_step(step, [(2, 3), (5, 5)]) for step in range(5)] == [0, 1, 4, 6, 7]
    assert merged([(5, 6), (1, 2), (3, 3), (6, 9)]) == [(1, 3), (5, 9)]


def whole_run(world_size: int, steps: range) -> np.ndarray:
    """(steps, STEP_SEQUENCES): the samples of every step, all ranks side by side."""
    each = STEP_SEQUENCES // world_size
    counters = np.empty((len(steps), STEP_SEQUENCES), np.int64)
    for row, step in enumerate(steps):
        for rank in range(world_size):
            part = slice(rank * each, (rank + 1) * each)
            counters[row, part] = share(step, STEP_SEQUENCES, rank, world_size)
    _, chosen = samples(counters.ravel(), SEED, NUM_SAMPLES)
    return chosen.reshape(counters.shape)


@pytest.fixture(scope="module")
def alone() -> np.ndarray:
    return whole_run(1, range(STEPS))


@pytest.mark.parametrize("world_size", [2, 4, 8])
def test_ten_thousand_steps_are_the_same_for_every_world_size(world_size, alone):
    assert (whole_run(world_size, range(STEPS)) != alone).sum() == 0


def test_resuming_with_other_world_sizes_changes_nothing(alone):
    stops = [0, *sorted(np.random.default_rng(0).choice(STEPS, 20, replace=False).tolist()), STEPS]
    sizes = [4, 2, 8] * 7
    parts = [
        whole_run(size, range(first, last))
        for size, first, last in zip(sizes, stops[:-1], stops[1:], strict=True)
    ]
    assert (np.concatenate(parts) != alone).sum() == 0


def test_ten_thousand_steps_leave_out_and_double_nothing(alone):
    whole_epochs = alone.size // NUM_SAMPLES
    counts = np.bincount(alone.ravel()[: whole_epochs * NUM_SAMPLES], minlength=NUM_SAMPLES)
    assert (counts == whole_epochs).all()


def test_other_samples_come_of_the_seed_and_are_never_the_sample_itself():
    chosen = np.arange(400) % 5
    seeds = noise_seeds(SEED, 0, np.arange(400))
    drawn = others(seeds, chosen, 8, 5)
    assert drawn.shape == (400, 8) and not (drawn == chosen[:, None]).any()
    assert np.array_equal(drawn[7:9], others(seeds[7:9], chosen[7:9], 8, 5))
    counts = np.bincount(drawn[chosen == 2].ravel(), minlength=5)
    assert counts[2] == 0 and counts[[0, 1, 3, 4]].min() > 0.8 * counts.sum() / 4


def test_the_only_sample_has_no_others():
    assert others(np.ones(3, np.uint64), np.zeros(3, np.int64), 8, 1).shape == (3, 0)
