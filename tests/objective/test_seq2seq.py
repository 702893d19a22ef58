"""Laws that hold for every objective that makes a source and a target."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lmlab.arch.layer.mask import causal_mask
from lmlab.batch import Example, Head, Vocab
from lmlab.objective.denoise import Ragged
from lmlab.objective.seq2seq import Size, decoder_batch, encoder_decoder_batch
from tests.objective.slide import ALL, BIG, composed, examples, make, seeds

KINDS = ("encoder_decoder", "decoder")
SMALL = Vocab(size=10, eos=0).with_specials("marks")


def one_row(tokens: list[int]) -> Ragged:
    return Ragged(np.array([tokens]), np.ones((1, len(tokens)), bool))


def collated(option: str, kind: str, number: int = 6, num_real: int | None = None, **changes):
    objective = make(option, kind, **changes)
    length = objective.window(64).length
    return objective, objective.collate(examples(number, length, num_real), seeds(number), True)


# ---- the hand-written cases


def test_a_pair_on_an_encoder_decoder():
    batch = encoder_decoder_batch(one_row([1, 2]), one_row([3, 4]), SMALL, Size(3, 3, 6, 3))
    pad = SMALL.pad
    assert batch.source.tolist() == [[1, 2, 0, pad]]
    assert batch.source_mask.tolist() == [[True, True, True, False]]
    assert batch.tokens.tolist() == [[pad, 3, 4, 0]]
    assert batch.targets.tolist() == [[3, 4, 0, pad]]
    assert batch.mask.tolist() == [[True, True, True, False]]


@pytest.mark.parametrize("prefix_attention", [True, False])
def test_the_same_pair_in_one_row_of_a_decoder(prefix_attention):
    pair = one_row([1, 2]), one_row([3, 4])
    batch = decoder_batch(*pair, SMALL, Size(3, 3, 5, 3), prefix_attention)
    pad, sep = SMALL.pad, SMALL.sep
    assert batch.tokens.tolist() == [[1, 2, sep, 3, 4, 0]]
    assert batch.targets.tolist() == [[2, sep, 3, 4, 0, pad]]
    assert batch.mask.tolist() == [[False, False, True, True, True, False]]
    assert batch.positions is None and batch.documents is None
    if prefix_attention:
        assert batch.prefix.tolist() == [[True, True, False, False, False, False]]
    else:
        assert batch.prefix is None


# ---- the two readings of T5's mask


def encoder_decoder_sight(batch, row: int) -> np.ndarray:
    """Row S0-11: source tokens see the source; targets see it and what the decoder read so far."""
    num_source = int(batch.source_mask[row].sum()) - 1  # a decoder's row has no end mark here
    num_target = int(batch.mask[row].sum())
    sight = np.tri(num_source + num_target, dtype=bool)
    sight[:, :num_source] = True
    return sight


@pytest.mark.parametrize("option", [name for name in ALL if name != "prefix_lm"])
def test_a_causal_mask_with_prefix_shows_what_an_encoder_decoder_shows(option):
    """Row S0-12: one stack that reads source, separator and target is T5 re-read."""
    decoder = make(option, "decoder")
    windows = examples(5, decoder.window(64).length)
    one = decoder.collate(windows, seeds(5), True)
    two = make(option, "encoder_decoder").collate(windows, seeds(5), True)
    width = one.tokens.shape[1]
    dense = causal_mask(width, width, None, torch.device("cpu"), one.prefix).dense
    for row in range(5):
        expected = encoder_decoder_sight(two, row)
        num_source = int(one.prefix[row].sum())
        real = slice(0, len(expected))
        assert (dense[row, 0, real, real].numpy() == expected).all()
        assert torch.equal(one.tokens[row, :num_source], two.source[row, :num_source])
        assert torch.equal(one.targets[row][one.mask[row]], two.targets[row][two.mask[row]])
        after = one.tokens[row][num_source + 1 : len(expected)]
        assert torch.equal(after, two.tokens[row, 1 : int(two.mask[row].sum())])


def influence(hidden_of, tokens: torch.Tensor) -> np.ndarray:
    """(N, N) bool for tokens (N,): whether the output at the row sees the token at the column."""
    number = len(tokens)
    changed = tokens.repeat(number + 1, 1)
    changed[torch.arange(number), torch.arange(number)] = 7
    with torch.no_grad():
        hidden = hidden_of(changed)
    return ((hidden[:-1] - hidden[-1]).abs().amax(dim=-1) > 1e-12).T.numpy()


def test_a_decoder_and_an_encoder_decoder_see_the_same_of_the_same_window():
    """Rows S0-11 and S0-12 by what changes an output: GPT with a prefix beside T5."""
    torch.manual_seed(0)
    windows, number = examples(1, 40), seeds(1)
    one = make("random_spans", "decoder").collate(windows, number, True)
    two = make("random_spans").collate(windows, number, True)
    gpt, t5 = (
        composed(name, vocab_size=BIG.size, num_layers=1, width=16, num_heads=2).double()
        for name in ("gpt_tiny", "t5_tiny")
    )
    num_source, num_target = int(one.prefix.sum()), int(two.mask.sum())
    length = num_source + num_target
    prefix = one.prefix[:, :length]

    def both(rows: torch.Tensor) -> torch.Tensor:
        source, target = rows[:, :num_source], rows[:, num_source:]
        memory = t5.encode(source)
        return torch.cat([memory, t5(source, target)], dim=1)

    seen = influence(
        lambda rows: gpt(rows, prefix=prefix.expand(len(rows), -1)), one.tokens[0, :length]
    )
    pair = torch.cat([two.source[0, :num_source], two.tokens[0, :num_target]])
    assert (seen == influence(both, pair)).all()
    assert (seen == encoder_decoder_sight(two, 0)).all()


def test_prefix_lm_shows_the_same_without_a_separator():
    batch = make("prefix_lm", "decoder", prefix_fraction=0.5).collate(
        examples(1, 9), seeds(1), True
    )
    dense = causal_mask(8, 8, None, torch.device("cpu"), batch.prefix).dense
    expected = np.tri(8, dtype=bool)
    expected[:, :4] = True
    assert (dense[0, 0].numpy() == expected).all()


# ---- laws


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ALL)
def test_uniform_logits_cost_ln_v_and_other_positions_nothing(option, kind):
    objective, batch = collated(option, kind)
    torch.manual_seed(0)
    hidden, head = torch.randn(*batch.targets.shape, 3), Head(torch.zeros(BIG.size, 3))
    loss = objective.loss(hidden, head, batch)
    assert int(loss.count) == int(batch.mask.sum()) > 0
    assert float(loss.total / loss.count) == pytest.approx(math.log(BIG.size), rel=1e-5)
    head = Head(torch.randn(BIG.size, 3))
    before = objective.loss(hidden, head, batch).total
    other = replace(batch, targets=batch.targets.masked_fill(~batch.mask, 5))
    after = objective.loss(hidden.masked_fill(~batch.mask[..., None], 9.0), head, other).total
    assert float(before) == float(after)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ALL)
def test_a_row_depends_on_its_own_seed_only(option, kind):
    objective, whole = collated(option, kind)
    windows = examples(6, objective.window(64).length)
    for index in (0, 5):
        part = slice(index, index + 1)
        alone = objective.collate(windows[part], seeds(6)[part], True)
        for one, many in zip(alone.inputs, whole.inputs, strict=True):
            assert one is many is None or torch.equal(one[0], many[index])
        assert torch.equal(alone.targets[0], whole.targets[index])
    other = objective.collate(windows, seeds(7)[1:], True)
    same = [
        torch.equal(a, b) for a, b in zip(other.inputs, whole.inputs, strict=True) if a is not None
    ]
    assert not all(same)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ALL)
def test_shapes_are_fixed_and_fit_the_length_that_was_asked_for(option, kind):
    objective, batch = collated(option, kind, number=300)
    lengths = objective.lengths(64)
    assert max(lengths.source, lengths.target) <= 64
    assert batch.targets.shape[1] == lengths.target
    if kind == "encoder_decoder":
        assert batch.source.shape[1] == lengths.source
    assert float(batch.mask.sum(dim=1).float().mean()) == pytest.approx(lengths.scored, rel=0.1)
    for num_real in (0, 1, 2, 20):
        short = collated(option, kind, num_real=num_real)[1]
        assert short.targets.shape[1] == lengths.target


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ALL)
def test_a_window_without_a_real_token_counts_nothing(option, kind):
    _, batch = collated(option, kind, num_real=0)
    assert not batch.mask.any()
    if kind == "encoder_decoder":
        assert (batch.source_mask.sum(dim=1) == 1).all()  # its end mark: an encoder sees something


@pytest.mark.parametrize("option", ALL)
def test_end_marks_of_documents_are_ordinary_tokens(option):
    objective = make(option)
    window = examples(1, 64)[0]
    window.tokens[[0, 20, 40]] = BIG.eos
    batch = objective.collate([window], seeds(1), True)
    source, target = batch.source[batch.source_mask], batch.targets[batch.mask]
    assert source[-1] == target[-1] == BIG.eos
    found = int((target == BIG.eos).sum())
    if option not in ("bert_style", "mass", "deshuffle"):  # whose target is all of the text
        found += int((source == BIG.eos).sum()) - 1
    assert found == 3 + 1


# ---- what is refused


@pytest.mark.parametrize("option", ALL)
def test_attention_inside_documents_is_refused_on_an_encoder_decoder(option):
    with pytest.raises(ValueError, match="data.cross_documents=false.*data.cross_documents=true"):
        make(option).collate(examples(1, 20), seeds(1), False)


def test_a_setting_without_effect_is_refused():
    with pytest.raises(ValueError, match="objective.prefix_attention=false has no effect"):
        make("mass", "encoder_decoder", prefix_attention=False)
    assert collated("mass", "decoder", prefix_attention=False)[1].prefix is None


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="objective.z_loss=-1"):
        make("mass", z_loss=-1.0)
    with pytest.raises(ValueError, match="data.seq_len=2 is too short"):
        make("mass", "decoder").window(2)
    with pytest.raises(ValueError, match="no mask token"):
        make("mass", vocab=Vocab(10, 0))


def test_an_empty_example_is_one_of_the_loader():
    empty = Example(np.zeros(20, np.uint16), 0)
    batch = make("random_spans").collate([empty, *examples(1, 20)], seeds(2), True)
    assert batch.mask.any(dim=1).tolist() == [False, True]
