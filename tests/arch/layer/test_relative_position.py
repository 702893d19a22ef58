from __future__ import annotations

import pytest
import torch

from lmlab.arch.layer.mask import AttentionMask
from lmlab.arch.layer.relative_position import RelativePosition, buckets, folded


def test_causal_buckets_by_hand():
    """32 buckets to 128: 16 exact ones, then 16 (1 + log(d / 16) / log 8); keys ahead are in 0."""
    distance = torch.tensor([5, 0, -1, -15, -16, -20, -64, -113, -127, -1000])
    want = [0, 0, 1, 15, 16, 17, 26, 31, 31, 31]
    assert buckets(distance, 32, 128, bidirectional=False).tolist() == want


def test_bidirectional_buckets_by_hand():
    """8 exact ones a side, growing to 128; a key after its query is 16 further up."""
    distance = torch.tensor([0, -1, -7, -8, -128, 1, 7, 8, 128])
    want = [0, 1, 7, 8, 15, 17, 23, 24, 31]
    assert buckets(distance, 32, 128, bidirectional=True).tolist() == want


@pytest.mark.parametrize("bidirectional", [True, False])
def test_buckets_never_fall_with_distance_and_all_are_used(bidirectional):
    number = buckets(torch.arange(-200, 1), 32, 128, bidirectional).tolist()
    assert number == sorted(number, reverse=True)
    assert set(number) == set(range(16 if bidirectional else 32))


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("num_queries", "num_keys"), [(6, 6), (1, 6), (3, 7)])
def test_bias_of_a_pair_is_the_number_of_its_bucket(bidirectional, num_queries, num_keys):
    layer = RelativePosition(8, 12, 3, bidirectional=bidirectional)
    bias = layer(num_queries, num_keys)
    assert bias.shape == (1, 3, num_queries, num_keys)
    for row in range(num_queries):
        for key in range(num_keys):
            distance = torch.tensor([key - (num_keys - num_queries + row)])
            number = buckets(distance, 8, 12, bidirectional)
            assert torch.equal(bias[0, :, row, key], layer.table.weight[number[0]])


def test_gradient_counts_the_pairs_of_each_bucket():
    layer = RelativePosition(8, 12, 1, bidirectional=False)
    layer(3, 3).sum().backward()
    assert layer.table.weight.grad[:4, 0].tolist() == [6, 2, 1, 0]


def test_folding_hides_what_the_mask_hides():
    bias = torch.ones(1, 1, 2, 2)
    causal = folded(AttentionMask(is_causal=True), bias)
    assert causal.bias[0, 0].tolist() == [[1, -torch.inf], [1, 1]]
    assert causal.dense is None and not causal.is_causal
    dense = torch.tensor([True, False])[None, None, None]
    assert folded(AttentionMask(False, dense), bias).bias[0, 0, 0].tolist() == [1, -torch.inf]
    assert folded(AttentionMask(False), bias).bias is bias


@pytest.mark.parametrize(("num_buckets", "max_distance"), [(2, 8), (10, 64), (32, 16)])
def test_tables_that_cannot_hold_the_scheme_are_refused(num_buckets, max_distance):
    with pytest.raises(ValueError, match=r"arch\.(num_buckets|max_distance)="):
        RelativePosition(num_buckets, max_distance, 2, bidirectional=True)
