from __future__ import annotations

import numpy as np
import pytest
import torch

from lmlab.batch import Example, Head, Vocab, Window
from lmlab.objective.clm import CausalLanguageModelling, restarting_positions

SEEDS = np.zeros(1, np.uint64)


def objective(eos: int = 9) -> CausalLanguageModelling:
    return CausalLanguageModelling(vocab=Vocab(size=10, eos=eos), z_loss=0.0)


def collate(tokens: list[int], num_real: int | None = None, cross: bool = True):
    example = Example(np.array(tokens), len(tokens) if num_real is None else num_real)
    return objective().collate([example], SEEDS, cross)


def test_targets_are_the_tokens_one_later():
    batch = collate([9, 1, 2, 3, 9])
    assert batch.tokens.tolist() == [[9, 1, 2, 3]]
    assert batch.targets.tolist() == [[1, 2, 3, 9]]
    assert batch.mask.all() and batch.positions is None and batch.documents is None


def test_padding_does_not_count():
    assert collate([9, 1, 2, 0, 0], num_real=3).mask.tolist() == [[True, True, False, False]]
    assert not collate([0, 0, 0], num_real=0).mask.any()


def test_documents_are_told_apart_and_positions_restart():
    batch = collate([5, 9, 1, 2, 9, 3, 9], cross=False)
    assert batch.documents.tolist() == [[0, 1, 1, 1, 2, 2]]
    assert batch.positions.tolist() == [[0, 0, 1, 2, 0, 1]]
    assert batch.mask.all()


def test_windows_overlap_by_the_one_token_that_is_only_an_input():
    assert objective().window(8) == Window(length=9, stride=8)


def test_restarting_positions_of_one_document_count_up():
    assert restarting_positions(torch.tensor([[4, 4, 4]])).tolist() == [[0, 1, 2]]


def test_loss_is_the_sum_over_counted_positions():
    batch = collate([9, 1, 2, 0, 0], num_real=3)
    loss = objective().loss(torch.zeros(1, 4, 3), Head(torch.zeros(10, 3)), batch)
    assert int(loss.count) == 2
    assert float(loss.total) == pytest.approx(2 * np.log(10), rel=1e-6)


def test_a_negative_z_loss_is_refused():
    with pytest.raises(ValueError, match="objective.z_loss=-1"):
        CausalLanguageModelling(vocab=Vocab(10, 9), z_loss=-1)
