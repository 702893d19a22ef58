from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lmlab.batch import Head
from lmlab.objective.fill_in_the_middle import rearrange
from tests.objective.slide import BIG, TEXT, VOCAB, examples, ids, make, seeds, words

PRE, SUF, MID = BIG.sentinels[:3]


def moved(cut: bool, spm: bool) -> str:
    row = rearrange(
        ids(TEXT), np.array([11]), np.array([[2, 7]]), np.array([cut]), np.array([spm]), VOCAB
    )
    return words(row.tokens[0][row.keep[0]])


def test_prefix_suffix_middle():
    expected = "<X> Thank you <Y> party last week . <Z> for inviting me to your <eos>"
    assert moved(cut=True, spm=False) == expected


def test_suffix_prefix_middle():
    expected = "<X> <Y> party last week . <Z> Thank you for inviting me to your <eos>"
    assert moved(cut=True, spm=True) == expected


def test_a_row_that_is_not_cut_is_the_text():
    assert moved(cut=False, spm=True) == TEXT


def restore(row: list[int]) -> tuple[str, list[int]]:
    """How a row without padding was made, and its text. Of PSM both sides of MID can be told."""
    if row[0] != PRE:
        return "plain", row
    suffix_at, middle_at = row.index(SUF), row.index(MID)
    suffix, rest = row[suffix_at + 1 : middle_at], row[middle_at + 1 : -1]
    assert row[-1] == BIG.eos
    order = "SPM or PSM without prefix" if suffix_at == 1 else "PSM"
    return order, row[1:suffix_at] + rest + suffix


@pytest.mark.parametrize("num_real", [61, 20, 1])
def test_the_text_is_restored_and_all_tokens_but_the_first_count(num_real):
    objective = make("fill_in_the_middle")
    assert objective.window(64).length == 61
    windows = examples(200, 61, num_real)
    batch = objective.collate(windows, seeds(200), True)
    assert batch.tokens.shape == (200, 64)
    for index, window in enumerate(windows):
        row = [int(batch.tokens[index, 0]), *batch.targets[index][batch.mask[index]].tolist()]
        assert restore(row)[1] == window.tokens[:num_real].tolist()


def test_half_are_cut_and_half_of_those_begin_with_the_suffix():
    batch = make("fill_in_the_middle").collate(examples(2000, 61), seeds(2000), True)
    cut = (batch.tokens[:, 0] == PRE).float().mean()
    spm = ((batch.tokens[:, 0] == PRE) & (batch.tokens[:, 1] == SUF)).float().mean()
    assert float(cut) == pytest.approx(0.5, abs=0.04)
    # PSM rows whose prefix is empty look the same: 2 / 62 - 1 / 62^2 of them.
    assert float(spm) == pytest.approx(0.25 + 0.25 * 0.033, abs=0.03)
    never = make("fill_in_the_middle", rate=0.0).collate(examples(9, 61), seeds(9), True)
    assert not (never.tokens == PRE).any()


def test_uniform_logits_cost_ln_v_and_padding_nothing():
    objective = make("fill_in_the_middle")
    batch = objective.collate(examples(4, 61), seeds(4), True)
    loss = objective.loss(torch.zeros(4, 64, 3), Head(torch.zeros(BIG.size, 3)), batch)
    assert float(loss.total / loss.count) == pytest.approx(math.log(BIG.size), rel=1e-5)
    empty = objective.collate(examples(4, 61, num_real=0), seeds(4), True)
    assert not empty.mask.any()


def test_positions_that_are_not_counted_do_not_move_the_loss():
    torch.manual_seed(0)
    objective = make("fill_in_the_middle")
    batch = objective.collate(examples(4, 61, num_real=30), seeds(4), True)
    assert 0 < batch.mask.sum() < batch.mask.numel()
    hidden, head = torch.randn(4, 64, 3), Head(torch.randn(BIG.size, 3))
    changed = torch.where(batch.mask[..., None], hidden, hidden + 5.0)
    one, other = (objective.loss(states, head, batch).total for states in (hidden, changed))
    assert torch.equal(one, other)


def test_a_row_depends_on_its_own_seed_only():
    objective, windows = make("fill_in_the_middle"), examples(6, 61)
    whole = objective.collate(windows, seeds(6), True)
    for index in range(6):
        alone = objective.collate(windows[index : index + 1], seeds(6)[index : index + 1], True)
        assert torch.equal(alone.tokens[0], whole.tokens[index])


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="data.cross_documents=false.*true"):
        make("fill_in_the_middle").collate(examples(1, 9), seeds(1), False)
    with pytest.raises(ValueError, match="data.seq_len=4"):
        make("fill_in_the_middle").window(4)
    with pytest.raises(ValueError, match="objective.rate=1.5"):
        make("fill_in_the_middle", rate=1.5)
