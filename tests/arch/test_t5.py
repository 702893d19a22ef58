"""T5: published sizes, the first loss, causality, incremental decoding, and its mask read two ways."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch.layer.attend import attend
from lmlab.arch.layer.attention import SelfAttention
from lmlab.arch.layer.cross_attention import CrossAttention
from lmlab.arch.layer.mask import AttentionMask, causal_mask, key_mask
from lmlab.arch.t5 import T5
from tests.arch import seq2seq_laws as laws

VARIANTS: list[dict[str, Any]] = [
    {},
    {"feed_forward": "geglu", "tied_embeddings": False, "head_width": 5},
    {"shared_blocks": True, "num_decoder_layers": None},
]
each_variant = pytest.mark.parametrize("changes", VARIANTS, ids=["v1.0", "v1.1", "shared"])


def small_t5(**changes: Any) -> T5:
    """A T5 of a few thousand parameters, the same weights every time."""
    torch.manual_seed(0)
    keys = laws.keywords("t5") | {"width": 32, "max_seq_len": 64, "num_decoder_layers": 3}
    return T5(vocab_size=laws.VOCAB_SIZE, **(keys | changes)).eval()


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("t5_small", 60.5),
        ("t5_base", 222.9),
        ("t5_large", 737.7),
        ("t5_3b", 2851.6),
        ("t5_11b", 11307.3),
        ("t5_v1_1_small", 77.0),
        ("t5_v1_1_base", 247.6),
    ],
)
def test_published_sizes(name, millions):
    """As released, with their vocabulary of 32,128."""
    assert laws.millions(T5, name, 32128) == pytest.approx(millions, rel=0.001)


def test_shared_and_half_have_half_the_parameters():
    """Row S4-22: 2P, P and P, but for embeddings and cross-attention."""
    embeddings = 32128 * 768 / 1e6
    whole, shared, half = (
        laws.millions(T5, name, 32128) - embeddings for name in ("t5_base", "t5_shared", "t5_half")
    )
    assert half / whole == pytest.approx(0.5, abs=0.001)
    assert shared / whole == pytest.approx(4 / 7, abs=0.001)  # blocks of 7 and 9 D^2, of 16 in all


def test_tiny_is_about_a_million_parameters():
    inner = laws.millions(T5, "t5_tiny", 1000) - 2 * 1000 * 128 / 1e6
    assert 0.8 < inner < 1.2


@each_variant
def test_cache_equals_full_recomputation_for_64_steps(changes):
    laws.cache_equals_recomputation(small_t5(**changes))


def test_cross_keys_are_made_once():
    laws.cross_keys_are_made_once(small_t5())


def test_selected_rows_go_on_alone():
    laws.selected_rows_go_on_alone(small_t5())


@each_variant
def test_output_ignores_later_tokens_and_sees_all_of_the_source(changes):
    laws.output_ignores_later_tokens_and_sees_all_of_the_source(small_t5(**changes))


@each_variant
def test_source_padding_changes_nothing(changes):
    laws.source_padding_changes_nothing(small_t5(**changes))


@pytest.mark.parametrize("width", [32, 128, 384])
@each_variant
def test_first_loss_is_ln_v(changes, width):
    laws.first_loss_is_ln_v(T5, "t5", changes | {"width": width})


@pytest.mark.parametrize("head_width", [None, 24])
def test_flops_agree_with_torchs_counter(head_width):
    model = small_t5(head_width=head_width, dropout=0.0)
    laws.flops_agree_with_torchs_counter(model, 4 * (head_width or 8))


def test_tied_hidden_states_are_scaled_and_untied_ones_are_not():
    hidden = torch.ones(1, 32)
    assert torch.equal(small_t5().readout(hidden), hidden * 32**-0.5)
    assert small_t5(tied_embeddings=False).readout(hidden) is hidden


def test_shared_blocks_are_the_same_modules():
    model = small_t5(shared_blocks=True, num_decoder_layers=None)
    for ours, theirs in zip(model.encoder.blocks, model.decoder.blocks, strict=True):
        assert ours.attention is theirs.attention and ours.feed_forward is theirs.feed_forward
        assert ours.attention_norm is not theirs.attention_norm


def test_dropout_acts_in_training_only():
    model = small_t5(dropout=0.5)
    tokens = torch.ones(1, 4, dtype=torch.long)
    assert torch.equal(model(tokens, tokens), model(tokens, tokens))
    assert not torch.equal(model.train()(tokens, tokens), model(tokens, tokens))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 30}, "arch.width=30 is not a multiple of arch.num_heads=4"),
        ({"shared_blocks": True}, "arch.num_decoder_layers=2 or null"),
        ({"num_buckets": 30}, "arch.num_buckets=30 must be a multiple of 4"),
        ({"max_distance": 16}, "arch.max_distance=16 must be above half"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        small_t5(**changes)


@pytest.mark.parametrize(("lengths", "what"), [((65, 1), "source"), ((1, 65), "target")])
def test_a_sequence_beyond_the_longest_is_refused(lengths, what):
    source, tokens = (torch.zeros(1, length, dtype=torch.long) for length in lengths)
    with pytest.raises(ValueError, match=f"a {what} of 65 tokens is longer than arch.max_seq_len"):
        small_t5()(source, tokens)


# ---- rows S0-11 and S0-12: T5's mask read two ways

SOURCE, TARGET = 4, 3


def two_stacks() -> torch.Tensor:
    """Who sees whom (S + T, S + T): encoder unmasked; decoder causal, and all of the source."""
    causal = causal_mask(TARGET, TARGET, None, torch.device("cpu"))
    assert causal.is_causal and key_mask(None).dense is None
    seen = torch.zeros(SOURCE + TARGET, SOURCE + TARGET, dtype=torch.bool)
    seen[:SOURCE, :SOURCE] = True
    seen[SOURCE:, :SOURCE] = True
    seen[SOURCE:, SOURCE:] = torch.ones(TARGET, TARGET).tril().bool()
    return seen


def prefix_mask() -> AttentionMask:
    """The causal-with-prefix mask of one stack over source and target."""
    length = SOURCE + TARGET
    prefix = torch.arange(length)[None] < SOURCE
    return causal_mask(length, length, None, torch.device("cpu"), prefix)


def one_stack() -> torch.Tensor:
    """Who sees whom there."""
    dense = prefix_mask().dense
    assert dense is not None
    return dense[0, 0]


def test_both_readings_let_the_same_tokens_be_seen():
    assert torch.equal(two_stacks(), one_stack())
    assert one_stack().int().tolist() == [
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1, 1],
    ]


def test_one_layer_with_shared_weights_reads_the_source_the_same_way():
    """The prefix's rows of one stack are the encoder's; the first layer's memory is x itself."""
    torch.manual_seed(0)
    attention = SelfAttention(8, 2, 2, 4, bias=False, dropout=0.0, scale=1.0)
    x = torch.randn(1, SOURCE + TARGET, 8)
    whole = attention(x, prefix_mask())
    alone = attention(x[:, :SOURCE], key_mask(None))
    torch.testing.assert_close(whole[:, :SOURCE], alone, atol=1e-6, rtol=0)


def test_a_target_row_of_one_stack_mixes_what_the_two_attentions_of_a_decoder_read():
    """One softmax over source and target is that over each, weighted by their normalisers.

    So the readings agree in who is seen, and in numbers up to that weight: a decoder adds its two
    attentions instead.
    """
    torch.manual_seed(0)
    attention = SelfAttention(8, 1, 1, 8, bias=False, dropout=0.0, scale=1.0).double()
    cross = CrossAttention(8, 1, 8, bias=False, dropout=0.0, scale=1.0).double()
    cross.load_state_dict(attention.state_dict())
    x = torch.randn(1, SOURCE + TARGET, 8, dtype=torch.float64)
    source, target = x[:, :SOURCE], x[:, SOURCE:]
    own = attention(target, causal_mask(TARGET, TARGET, None, torch.device("cpu")))
    read = cross(target, source, key_mask(None))
    scores = attention.query(target) @ attention.key(x).mT
    scores = scores.masked_fill(~one_stack()[SOURCE:], -torch.inf)
    of_source = scores[..., :SOURCE].logsumexp(-1, True)
    weight = (of_source - scores.logsumexp(-1, True)).exp()
    whole = attention(x, prefix_mask())[:, SOURCE:]
    torch.testing.assert_close(whole, weight * read + (1 - weight) * own, atol=1e-12, rtol=0)


def test_scores_are_not_divided_by_the_root_of_the_head_width():
    """Rounded by hand: keys of 0 and 2, a query of 1, so weights 1 and e^2."""
    query, keys = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 0.0], [2.0, 0.0]]]])
    values = torch.tensor([[[[0.0, 0.0], [1.0, 0.0]]]])
    mixed = attend(query, keys, values, AttentionMask(is_causal=False), scale=1.0)
    assert mixed[0, 0, 0, 0].item() == pytest.approx(0.8808, abs=1e-4)
