"""The first transformer: the sizes of the table, the first loss, causality, incremental decoding."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch.transformer import Transformer
from tests.arch import seq2seq_laws as laws


def small_transformer(**changes: Any) -> Transformer:
    """A transformer of a few thousand parameters, the same weights every time."""
    torch.manual_seed(0)
    keys = laws.keywords("transformer_tiny")
    keys |= {"width": 32, "max_seq_len": 64, "num_decoder_layers": 3}
    return Transformer(vocab_size=laws.VOCAB_SIZE, **(keys | changes)).eval()


@pytest.mark.parametrize(
    ("name", "millions", "layers"), [("transformer_base", 65, 12), ("transformer_large", 213, 12)]
)
def test_sizes_of_the_table(name, millions, layers):
    """Row S4-01: 12 layers are 6 + 6; the vocabulary of Vaswani et al. is about 37,000."""
    assert laws.millions(Transformer, name, 37000) == pytest.approx(millions, rel=0.03)
    assert 2 * laws.keywords(name)["num_layers"] == layers


def test_cache_equals_full_recomputation_for_64_steps():
    laws.cache_equals_recomputation(small_transformer())


def test_cross_keys_are_made_once():
    laws.cross_keys_are_made_once(small_transformer())


def test_selected_rows_go_on_alone():
    laws.selected_rows_go_on_alone(small_transformer())


def test_output_ignores_later_tokens_and_sees_all_of_the_source():
    laws.output_ignores_later_tokens_and_sees_all_of_the_source(small_transformer())


def test_source_padding_changes_nothing():
    laws.source_padding_changes_nothing(small_transformer())


@pytest.mark.parametrize("width", [32, 128, 512])
def test_first_loss_is_ln_v(width):
    laws.first_loss_is_ln_v(Transformer, "transformer_tiny", {"width": width})


def test_flops_agree_with_torchs_counter():
    laws.flops_agree_with_torchs_counter(small_transformer(), 32)


def test_one_table_serves_source_target_and_unembedding():
    model = small_transformer()
    assert model.unembedding.weight is model.token_embedding.weight
    assert model.num_embedding_params() == laws.VOCAB_SIZE * 32


def test_hidden_states_of_a_post_norm_stack_are_normed():
    tokens = torch.randint(laws.VOCAB_SIZE, (2, 5))
    hidden = small_transformer()(tokens, tokens)
    torch.testing.assert_close(hidden.mean(-1), torch.zeros(2, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(hidden.square().mean(-1), torch.ones(2, 5), atol=1e-3, rtol=0)


def test_width_must_divide_among_the_heads():
    with pytest.raises(ValueError, match="arch.width=30 is not a multiple of arch.num_heads=4"):
        small_transformer(width=30)
