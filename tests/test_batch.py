"""Batches: the tensors of a batch split, map and hand over their inputs together."""

from __future__ import annotations

import torch

from lmlab.batch import TokenBatch


def batch() -> TokenBatch:
    tokens = torch.arange(12).view(3, 4)
    return TokenBatch(tokens, tokens + 1, torch.ones(3, 4, dtype=torch.bool))


def test_split_keeps_rows_in_order_and_loses_none():
    parts = list(batch().split(2))
    assert [part.tokens.tolist() for part in parts] == [
        [[0, 1, 2, 3], [4, 5, 6, 7]],
        [[8, 9, 10, 11]],
    ]
    assert all(part.positions is None for part in parts)


def test_map_reaches_every_tensor_and_leaves_none():
    doubled = batch().map(lambda tensor: tensor * 2)
    assert doubled.targets[0].tolist() == [2, 4, 6, 8]
    assert doubled.documents is None


def test_inputs_are_what_an_architecture_takes():
    tokens, positions, documents = batch().inputs
    assert tokens is not None and positions is None and documents is None
