"""BERT: the first loss, padding and packing, heads, arithmetic."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lmlab.arch.bert import BERT


def small(**changes: Any) -> BERT:
    """A BERT of a few thousand parameters, the same weights every time."""
    torch.manual_seed(0)
    keys: dict[str, Any] = {
        "vocab_size": 61,
        "num_layers": 2,
        "width": 32,
        "num_heads": 4,
        "ff_width": None,
        "max_seq_len": 64,
        "position_offset": 0,
        "num_segments": 2,
        "norm_eps": 1e-12,
        "pooler": True,
        "dropout": 0.0,
    }
    return BERT(**(keys | changes))


def test_embeddings_by_hand():
    """Three vectors are summed and normalised before the first block."""
    model = small(num_layers=0).eval()
    tokens, segments = torch.tensor([[5, 7]]), torch.tensor([[0, 1]])
    rows = [
        model.token_embedding.weight[token]
        + model.position_embedding.weight[place]
        + model.segment_embedding.weight[place]
        for place, token in enumerate((5, 7))
    ]
    wanted = torch.stack(rows)
    wanted = (wanted - wanted.mean(1, keepdim=True)) / wanted.std(1, keepdim=True, correction=0)
    torch.testing.assert_close(model(tokens, None, None, segments)[0], wanted, atol=1e-5, rtol=0)


def test_every_token_sees_every_token():
    model = small().eval()
    tokens = torch.randint(61, (1, 12))
    other = tokens.clone()
    other[0, 11] = (tokens[0, 11] + 1) % 61
    assert ((model(tokens) - model(other))[0].abs().amax(-1) > 1e-6).all()


def test_padding_changes_nothing_else():
    model = small().eval()
    tokens = torch.randint(61, (2, 12))
    documents = torch.zeros(2, 12, dtype=torch.long)
    documents[1, 7:] = -1
    other = tokens.clone()
    other[1, 7:] = 3
    ours, theirs = (model(t, None, documents) for t in (tokens, other))
    torch.testing.assert_close(ours[0], theirs[0])
    torch.testing.assert_close(ours[1, :7], theirs[1, :7])
    torch.testing.assert_close(ours[1, :7], model(tokens[1:, :7])[0], atol=1e-5, rtol=0)


def test_packed_documents_equal_those_alone():
    model = small().eval()
    tokens = torch.randint(61, (1, 13))
    documents = torch.tensor([[0] * 6 + [1] * 7])
    positions = torch.tensor([[*range(6), *range(7)]])
    segments = torch.tensor([[0] * 4 + [1] * 2 + [0] * 3 + [1] * 4])
    packed = model(tokens, positions, documents, segments)[0]
    alone = [
        model(tokens[:, at], None, None, segments[:, at])[0] for at in (slice(6), slice(6, 13))
    ]
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", [32, 128, 384, 768])
def test_first_loss_is_ln_v(width):
    model = small(width=width, vocab_size=4096)
    tokens = torch.randint(4096, (4, 64))
    logits = model.unembed(model(tokens))
    targets = torch.randint(4096, (4 * 64,))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets)
    assert abs(float(loss.detach()) - math.log(4096)) < 0.1


def test_unembedding_is_tied_and_has_a_bias():
    model = small()
    assert model.unembedding.weight is model.token_embedding.weight
    hidden = torch.randn(3, 32)
    wanted = model.transform(hidden) @ model.token_embedding.weight.T + model.unembedding.bias
    torch.testing.assert_close(model.unembed(hidden), wanted)


def test_pooler_reads_the_first_token_only():
    model = small()
    hidden = torch.randn(3, 5, 32)
    wanted = torch.tanh(hidden[:, 0] @ model.pooler.weight.T + model.pooler.bias)
    torch.testing.assert_close(model.pool(hidden), wanted)
    assert model.next_sentence(hidden).shape == (3, 2)


def test_without_a_pooler_it_says_what_would_do():
    model = small(pooler=False)
    for call in (model.pool, model.next_sentence):
        with pytest.raises(ValueError, match="arch.pooler=false"):
            call(torch.zeros(1, 2, 32))


@pytest.mark.parametrize(
    ("uses", "trained"),
    [
        ((), set()),
        (("pooler",), {"pooler"}),
        (("next_sentence",), {"pooler", "next_sentence_head"}),
    ],
)
def test_heads_that_nothing_uses_do_not_train(uses, trained):
    model = small()
    model.freeze_unused(uses)
    heads = {name.partition(".")[0] for name, p in model.named_parameters() if not p.requires_grad}
    assert heads == {"pooler", "next_sentence_head"} - trained
    small(pooler=False).freeze_unused(uses)


def test_all_that_trains_gets_a_gradient():
    """What is left over would hang data-parallel training."""
    model = small()
    model.freeze_unused(("next_sentence",))
    hidden = model(torch.randint(61, (2, 9)))
    (model.unembed(hidden).sum() + model.next_sentence(hidden).sum()).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_roberta_counts_from_two_and_takes_no_notice_of_segments():
    model = small(position_offset=2, num_segments=1, pooler=False).eval()
    assert model.position_embedding.weight.shape == (66, 32)
    tokens = torch.randint(61, (2, 9))
    with torch.no_grad():
        before = model(tokens, None, None, torch.ones(2, 9, dtype=torch.long))
        model.position_embedding.weight[:2] = 9.0
        assert torch.equal(model(tokens), before)


def test_arithmetic_agrees_with_torchs_counter():
    model = small()
    tokens = torch.randint(61, (2, 64))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.unembed(model(tokens)[:, :10]).sum().backward()
    assert counter.get_total_flops() == 2 * model.flops_per_sequence(0, 64, 10)


def test_embedding_parameters():
    model = small(position_offset=2)
    assert model.num_embedding_params() == 61 * 32 + 66 * 32 + 2 * 32 + 61


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 30}, "arch.width=30 is not a multiple of arch.num_heads=4"),
        ({"num_segments": 0}, "arch.num_segments=0 must be 1"),
    ],
)
def test_sizes_that_will_not_do_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        small(**changes)


def test_a_sequence_beyond_the_longest_is_refused():
    with pytest.raises(ValueError, match="arch.max_seq_len=64"):
        small()(torch.zeros(1, 65, dtype=torch.long))
