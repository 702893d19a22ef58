from __future__ import annotations

import torch

from lmlab.arch.layer.mask import AttentionMask, causal_mask, covering, key_mask

CPU = torch.device("cpu")


def test_plain_causal_attention_has_no_dense_mask():
    mask = causal_mask(4, 4, None, CPU)
    assert mask.is_causal and mask.dense is None


def test_one_new_token_sees_everything():
    mask = causal_mask(1, 4, None, CPU)
    assert not mask.is_causal and mask.dense is None


def test_the_last_queries_of_a_cache_see_what_is_before_them():
    mask = causal_mask(2, 4, None, CPU)
    assert mask.dense is not None
    assert mask.dense.int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


def test_documents_do_not_see_each_other():
    mask = causal_mask(4, 4, torch.tensor([[0, 0, 1, 1]]), CPU)
    assert mask.dense is not None and not mask.is_causal
    assert mask.dense[0, 0].int().tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 1],
    ]


def test_a_source_without_padding_has_no_mask():
    assert key_mask(None).dense is None
    assert key_mask(torch.ones(2, 3, dtype=torch.bool)).dense is None
    real = torch.tensor([[True, False]])
    assert key_mask(real).dense.shape == (1, 1, 1, 2)


def test_unused_room_of_a_cache_is_not_seen():
    plain = AttentionMask(is_causal=False)
    assert covering(plain, 3, 3) is plain
    assert covering(plain, 2, 4).dense.int().tolist() == [1, 1, 0, 0]
    dense = AttentionMask(is_causal=False, dense=torch.tensor([[[[True, False]]]]))
    assert covering(dense, 2, 4).dense.int().tolist() == [[[[1, 0, 0, 0]]]]
    biased = AttentionMask(is_causal=False, bias=torch.ones(1, 2, 1, 2))
    wide = covering(biased, 2, 3)
    assert wide.bias.shape == (1, 2, 1, 3) and wide.dense.int().tolist() == [1, 1, 0]
