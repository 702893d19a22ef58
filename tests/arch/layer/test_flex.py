from __future__ import annotations

import pytest
import torch

from lmlab.arch.layer import flex
from lmlab.arch.layer.attend import attend
from lmlab.arch.layer.mask import AttentionMask, causal_mask, full_mask


def packed(num_rows: int = 2, length: int = 200) -> torch.Tensor:
    """Numbers of documents (B, T)."""
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(num_rows, length, generator=generator) < 0.03).cumsum(1)


def masks() -> dict[str, AttentionMask]:
    documents, prefix = packed(), torch.arange(200)[None, :] < torch.tensor([[30], [90]])
    cpu = torch.device("cpu")
    return {
        "documents": causal_mask(200, 200, documents, cpu),
        "prefix": causal_mask(200, 200, None, cpu, prefix),
        "both": causal_mask(200, 200, documents, cpu, prefix),
        "full": full_mask(documents),
    }


@pytest.mark.parametrize("name", list(masks()))
@pytest.mark.parametrize("key_heads", [4, 2])
@torch.no_grad()
def test_blocks_give_what_the_dense_mask_gives(name, key_heads):
    mask = masks()[name]
    query, key, value = (torch.randn(2, heads, 200, 16) for heads in (4, key_heads, key_heads))
    found = flex.flex_attend(query, key, value, flex.block_mask(mask.dense), 0.3)
    torch.testing.assert_close(found, attend(query, key, value, mask, scale=0.3), atol=1e-5, rtol=0)


def test_one_mask_for_all_rows():
    dense = torch.ones(130, 130, dtype=torch.bool).tril()
    query, key, value = torch.randn(3, 3, 2, 130, 16)
    found = flex.flex_attend(query, key, value, flex.block_mask(dense), None)
    torch.testing.assert_close(
        found, attend(query, key, value, AttentionMask(True)), atol=1e-5, rtol=0
    )


def test_blocks_that_nobody_sees_are_left_out():
    documents = (torch.arange(1024) // 128)[None, :]
    mask = flex.block_mask(full_mask(documents).dense)
    assert mask.sparsity() == pytest.approx(100 * 7 / 8)


def test_a_cpu_keeps_the_dense_mask():
    assert all(mask.blocks is None for mask in masks().values())


def test_a_device_where_it_fails_is_said_and_keeps_the_dense_mask(monkeypatch):
    flex.works.cache_clear()
    monkeypatch.setattr(flex, "product", lambda: flex.flex_attend)  # no gradients on a CPU
    with pytest.warns(UserWarning, match="flex_attention does not run on this cpu device"):
        assert not flex.works("cpu")
    flex.works.cache_clear()


def test_a_product_that_differs_is_not_used(monkeypatch):
    def wrong(query, key, value, blocks, scale):
        return query * 1.0 + key + value

    flex.works.cache_clear()
    monkeypatch.setattr(flex, "product", lambda: wrong)
    assert not flex.works("cpu")
    flex.works.cache_clear()


def test_the_first_try_finds_no_difference_in_dense_attention():
    def dense(query, key, value, blocks, scale):
        seen = blocks.mask_mod
        index = torch.arange(query.shape[2])
        mask = seen(torch.tensor(0), torch.tensor(0), index[:, None], index[None, :])
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)

    assert flex.difference("cpu", dense) < 1e-5


def test_a_mask_with_blocks_goes_through_them_unless_there_is_dropout(monkeypatch):
    called = []

    def record(query, key, value, blocks, scale):
        called.append(blocks)
        return query

    monkeypatch.setattr(flex, "product", lambda: record)
    dense = torch.ones(4, 4, dtype=torch.bool).tril()
    query = torch.randn(1, 2, 4, 16)
    attend(query, query, query, AttentionMask(False, dense, blocks="blocks"))
    assert called == ["blocks"]
    attend(query, query, query, AttentionMask(False, dense, blocks="blocks"), dropout=0.1)
    narrow = torch.randn(1, 2, 4, 8)
    attend(narrow, narrow, narrow, AttentionMask(False, dense, blocks="blocks"))
    assert called == ["blocks"]
