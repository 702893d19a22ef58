"""BART: published sizes, the first loss, causality, incremental decoding."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch.bart import BART
from tests.arch import seq2seq_laws as laws


def small_bart(**changes: Any) -> BART:
    """A BART of a few thousand parameters, the same weights every time."""
    torch.manual_seed(0)
    keys = laws.keywords("bart_tiny") | {"width": 32, "max_seq_len": 64, "num_decoder_layers": 3}
    return BART(vocab_size=laws.VOCAB_SIZE, **(keys | changes)).eval()


@pytest.mark.parametrize(("name", "millions"), [("bart_base", 139.4), ("bart_large", 406.3)])
def test_published_sizes(name, millions):
    """As released, with their vocabulary of 50,265."""
    assert laws.millions(BART, name, 50265) == pytest.approx(millions, rel=0.001)


def test_cache_equals_full_recomputation_for_64_steps():
    laws.cache_equals_recomputation(small_bart())


def test_cross_keys_are_made_once():
    laws.cross_keys_are_made_once(small_bart())


def test_selected_rows_go_on_alone():
    laws.selected_rows_go_on_alone(small_bart())


def test_output_ignores_later_tokens_and_sees_all_of_the_source():
    laws.output_ignores_later_tokens_and_sees_all_of_the_source(small_bart())


def test_source_padding_changes_nothing():
    laws.source_padding_changes_nothing(small_bart())


@pytest.mark.parametrize("width", [32, 128, 768])
def test_first_loss_is_ln_v(width):
    laws.first_loss_is_ln_v(BART, "bart_tiny", {"width": width})


def test_flops_agree_with_torchs_counter():
    laws.flops_agree_with_torchs_counter(small_bart(), 32)


def test_positions_begin_at_the_third_row():
    model = small_bart()
    table = model.encoder.position_embedding.weight
    assert len(table) == 64 + 2
    tokens = torch.randint(laws.VOCAB_SIZE, (1, 5))
    model.encode(tokens).square().sum().backward()
    used = table.grad.abs().sum(-1) > 0
    assert used.nonzero().flatten().tolist() == [2, 3, 4, 5, 6]


def test_the_bias_of_the_logits_is_added_and_does_not_train():
    model = small_bart()
    assert not model.unembedding.bias.requires_grad
    hidden, before = torch.randn(1, 32), None
    before = model.unembed(hidden)
    model.unembedding.bias[7] += 2.0
    difference = model.unembed(hidden) - before
    assert difference[0, 7].item() == pytest.approx(2.0, abs=1e-5)
    assert difference[0, :7].abs().max().item() < 1e-6


def test_embedding_params_are_tokens_both_tables_of_positions_and_the_bias():
    tokens = laws.VOCAB_SIZE * 33
    assert small_bart().num_embedding_params() == tokens + 2 * 66 * 32
