"""Cutting answers into minibatches."""

from __future__ import annotations

import pytest
import torch

from lmlab.stage.experience import Experience, minibatches
from tests.rollout.test_credit import MASK


def experience(rows: int = 7) -> Experience:
    mask = MASK[:1].repeat(rows, 1)
    numbers = torch.arange(rows)[:, None].repeat(1, 3)
    return Experience(numbers, mask, numbers, mask, mask, numbers.float())


def order(number: int, step: int = 0, epoch: int = 0) -> list[list[int]]:
    parts = minibatches(experience(), number, 0, step, epoch)
    return [part.response[:, 0].tolist() for part in parts]


def test_every_row_is_in_one_part_in_an_order_of_seed_step_and_epoch():
    assert sorted(row for part in order(3) for row in part) == list(range(7))
    assert [len(part) for part in order(3)] == [3, 2, 2]
    assert order(3) == order(3) and order(3) != order(3, step=1) != order(3, epoch=1)


def test_one_part_keeps_the_rows_as_they_are():
    assert order(1) == [list(range(7))]


def test_more_parts_than_rows_are_refused():
    with pytest.raises(ValueError, match="stage.minibatches=8 is more than the 7 answers"):
        order(8)


def test_fields_that_are_not_there_stay_away():
    part = experience().select(torch.tensor([2]))
    assert part.reference is None and part.response.tolist() == [[2, 2, 2]]
    assert [len(micro.mask) for micro in experience().split(4)] == [4, 3]
