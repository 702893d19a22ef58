from __future__ import annotations

import torch

from lmlab.rollout.rollout import pad_left, push_left
from tests.conftest import small_gpt
from tests.rollout.law import PROMPTS, draw


def test_padding_goes_before_and_comes_off_again():
    tokens, mask = pad_left(PROMPTS, 9)
    assert tokens.tolist() == [[9, 9, 1, 2, 3], [9, 9, 9, 9, 4], [5, 6, 7, 8, 9]]
    assert mask.sum(dim=1).tolist() == [3, 1, 5]
    pushed, left = push_left(tokens, mask)
    for row, prompt in enumerate(PROMPTS):
        assert torch.equal(pushed[row][left[row]], prompt) and bool(left[row, 0])


def test_columns_that_no_row_needs_are_cut_off():
    tokens, mask = push_left(torch.tensor([[0, 0, 5]]), torch.tensor([[False, False, True]]))
    assert tokens.tolist() == [[5]] and mask.tolist() == [[True]]


def test_a_rollout_splits_and_selects_by_row():
    rollout = draw(small_gpt())
    parts = list(rollout.split(4))
    assert [len(part.response) for part in parts] == [4, 2]
    assert rollout.select(torch.tensor([5, 0])).group.tolist() == [2, 0]
