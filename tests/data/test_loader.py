"""Loaders: the same batches for any number of processes and workers."""

from __future__ import annotations

import pickle
from itertools import islice

import pytest
import torch

from lmlab.data.loader import Steps
from tests.data.conftest import make_corpus, numbered

WORLD_SIZES = [1, 2, 4, 8]


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def corpus(cache_dir, **changes):
    return make_corpus(numbered(300), cache_dir, **changes)


@pytest.fixture(scope="module")
def alone(cache_dir):
    batches = corpus(cache_dir).train_batches()
    return [batches[step] for step in range(300)]


def test_steps_start_at_the_present_one_and_pass_over_what_is_left_out():
    steps = Steps(lambda: 1, lambda: [(2, 3)])
    assert list(islice(steps, 3)) == [1, 4, 5]


def test_a_share_is_the_windows_of_its_samples(cache_dir):
    batches = corpus(cache_dir).train_batches()
    _, chosen = batches.samples(3)
    windows = [batches.windows[index].tokens.tolist() for index in chosen.tolist()]
    assert batches[3].tokens.tolist() == windows


@pytest.mark.parametrize("world_size", WORLD_SIZES)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_real_loaders_give_the_same_order(cache_dir, alone, world_size, num_workers):
    """Hundreds of steps through torch's DataLoader; tokens and noise seeds of two ranks compared."""
    ranks = [
        corpus(cache_dir, world_size=world_size, rank=rank, num_workers=num_workers)
        for rank in range(world_size)
    ]
    ranks = [*ranks[:1], *ranks[1:][-1:]]
    each = 8 // world_size
    for data in ranks:
        part = slice(data.rank * each, (data.rank + 1) * each)
        for expected, batch in zip(alone, data.train_dataloader(), strict=False):
            assert torch.equal(batch.tokens, expected.tokens[part])
            assert torch.equal(batch.positions, expected.positions[part])
            assert torch.equal(batch.mask, expected.mask[part])


def test_reading_does_not_touch_the_global_random_state(cache_dir):
    data = corpus(cache_dir)
    before = torch.random.get_rng_state()
    next(iter(data.train_dataloader()))
    list(data.val_dataloader())
    assert torch.equal(before, torch.random.get_rng_state())


def test_batches_travel_to_workers_without_their_file(cache_dir):
    batches = corpus(cache_dir).train_batches()
    first = batches[0]
    assert torch.equal(pickle.loads(pickle.dumps(batches))[0].tokens, first.tokens)


@pytest.mark.parametrize("world_size", WORLD_SIZES)
def test_validation_has_every_window_once_in_equally_many_batches(cache_dir, world_size):
    ranks = [
        corpus(cache_dir, world_size=world_size, rank=rank, validation_sequences=3)
        for rank in range(world_size)
    ]
    batches = [list(data.val_dataloader()) for data in ranks]
    assert len({len(of_rank) for of_rank in batches}) == 1
    assert {len(batch.tokens) for of_rank in batches for batch in of_rank[:-1]} <= {
        min(3, 8 // world_size)
    }
    numbers = [
        number
        for data in ranks
        for index in range(len(data.validation_batches()))
        for number in data.validation_batches().chosen(index)
    ]
    windows = len(ranks[0].validation_batches().windows)
    assert numbers == list(range(len(numbers))) and windows <= len(numbers) < windows + world_size
    real = sum(int(batch.mask.sum()) for of_rank in batches for batch in of_rank)
    assert real == ranks[0].num_val_tokens + windows - 1


def test_a_batch_of_padding_has_no_real_token(cache_dir):
    data = corpus(cache_dir, validation_tokens=8, world_size=2, rank=1)
    (batch,) = data.val_dataloader()
    assert batch.tokens.shape == (1, 9) and not batch.mask.any()
    with pytest.raises(IndexError):
        data.validation_batches()[1]
