"""Batches: the tensors of a batch split, map and hand over their inputs together."""

from __future__ import annotations

import torch

from lmlab.batch import TokenBatch, Vocab


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
    tokens, *others = batch().inputs
    assert tokens is not None and others == [None, None, None]


def test_special_tokens_are_added_at_the_end_and_only_what_is_missing():
    plain = Vocab(size=100, eos=99)
    marks, all_of_them = plain.with_specials("marks"), plain.with_specials("sentinels")
    assert plain.with_specials("none") == plain
    assert (marks.size, marks.pad, marks.turn_end) == (106, 100, 105)
    assert (all_of_them.size, all_of_them.sentinels[0]) == (206, 106)
    own = Vocab(size=100, eos=99, pad=0, mask=3).with_specials("marks")
    assert (own.size, own.pad, own.mask, own.cls) == (104, 0, 3, 100)
