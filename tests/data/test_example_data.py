from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import pytest
import torch

from lmlab.batch import PromptBatch
from lmlab.data.example_data import ExampleData
from lmlab.data.tokenizer.bytes import Bytes


@dataclass(frozen=True)
class Number:
    value: int


class Numbers(ExampleData):
    """Twenty numbers to train on, seven to validate."""

    def prepare(self) -> None:
        self.train_examples = [Number(i) for i in range(20)]
        self.val_examples = [Number(100 + i) for i in range(7)]
        self.digest = "numbers"

    def collate(self, examples, seeds):
        index = torch.tensor([each.value for each in examples])
        return PromptBatch(index[:, None], torch.ones_like(index), index)


def numbers(world_size: int = 1, rank: int = 0, sequences: int = 4) -> Numbers:
    data = Numbers(
        tokenizer=Bytes(),
        num_workers=0,
        validation_sequences=2,
        seed=3,
        step_sequences=sequences,
        world_size=world_size,
        rank=rank,
    )
    data.prepare()
    return data


def first_steps(data: Numbers, num: int) -> list[list[int]]:
    batches = data.train_batches()
    return [batches[step].index.tolist() for step in range(num)]


def test_an_epoch_has_every_example_once():
    steps = first_steps(numbers(), 10)
    assert sorted(chain(*steps[:5])) == list(range(20))
    assert sorted(chain(*steps[5:])) == list(range(20)) and steps[:5] != steps[5:]


def test_two_ranks_together_see_what_one_sees():
    alone = first_steps(numbers(), 7)
    ranks = [first_steps(numbers(2, rank), 7) for rank in range(2)]
    assert [a + b for a, b in zip(*ranks, strict=True)] == alone


@pytest.mark.parametrize("world", [1, 2, 3])
def test_validation_sees_everything_once_in_equally_many_batches(world):
    shares = [list(numbers(world, rank, 6).validation_batches()) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    seen = [value for share in shares for batch in share for value in batch.index.tolist()]
    assert sorted(seen) == list(range(100, 107))


def test_more_processes_than_validation_examples_are_refused():
    with pytest.raises(ValueError, match="7 validation examples cannot be shared by 8"):
        numbers(8, 0, 8).validation_batches()


def test_other_examples_have_another_fingerprint():
    one, other = numbers(), numbers()
    other.digest = "others"
    assert one.fingerprint == numbers().fingerprint != other.fingerprint


def test_state_goes_on_where_it_was_and_refuses_other_data():
    data = numbers()
    data.load_state_dict({"step": 3, "fingerprint": data.fingerprint, "skipped": [], "order": {}})
    first = next(iter(data.train_dataloader()))
    assert first.index.tolist() == first_steps(numbers(), 4)[3]
    with pytest.raises(ValueError, match="trained on other data"):
        data.load_state_dict({"step": 3, "fingerprint": "x", "skipped": []})


def test_what_cannot_work_is_refused():
    with pytest.raises(ValueError, match="data.validation_sequences=0"):
        Numbers(
            tokenizer=Bytes(),
            num_workers=0,
            validation_sequences=0,
            seed=0,
            step_sequences=4,
            world_size=1,
            rank=0,
        )
    assert np.array_equal(first_steps(numbers(), 1), first_steps(numbers(), 1))
