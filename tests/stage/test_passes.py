from __future__ import annotations

import pytest
import torch

from lmlab.stage.passes import in_order, num_passes, passes


@pytest.mark.parametrize("number", [1, 2, 4, 9])
def test_every_row_is_in_one_pass_that_is_wide_enough_and_the_order_comes_back(number):
    lengths = torch.tensor([3, 40, 17, 1, 8, 9, 40, 2, 25])
    made = passes(lengths, 41, number)
    assert sorted(int(i) for rows, _ in made for i in rows) == list(range(9))
    assert all(int(lengths[rows].max()) <= width <= 41 for rows, width in made)
    assert [width for _, width in made] == sorted(width for _, width in made)
    assert torch.equal(in_order([lengths[rows] for rows, _ in made], made), lengths)


def test_widths_are_multiples_but_never_more_than_there_is():
    assert passes(torch.tensor([3]), 41, 1)[0][1] == 8
    assert passes(torch.tensor([41]), 41, 1)[0][1] == 41


@pytest.mark.parametrize(
    ("shape", "least", "expected"),
    [((1, 1), 1, 1), ((16, 2), 32, 4), ((8, 1), 8, 1), ((20, 1), 20, 2), ((1, 64), 2, 2)],
)
def test_the_shape_alone_says_how_many(shape, least, expected):
    for lengths in (torch.ones(shape), torch.zeros(shape)):
        assert num_passes(lengths, least) == expected
