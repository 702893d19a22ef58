from __future__ import annotations

import itertools
import math

import pytest
import torch

from lmlab.rollout.best_of_n import (
    best_index,
    best_of_n_kl,
    coverage,
    expected_best,
    powers_of_two,
)

REWARDS = torch.tensor([[0.1, 0.5, 0.3, 0.2]])
SCORES = torch.tensor([[1.0, 2.0, 4.0, 8.0]])


def test_kl_by_hand():
    assert best_of_n_kl(1) == 0
    assert best_of_n_kl(2) == pytest.approx(math.log(2) - 0.5)
    assert best_of_n_kl(16) == pytest.approx(1.8351, abs=1e-4)
    with pytest.raises(ValueError, match="N of 1 or more"):
        best_of_n_kl(0)


def test_the_best_of_the_first_n():
    assert [int(best_index(REWARDS, n)) for n in (1, 2, 4)] == [0, 1, 1]
    assert best_index(torch.ones(1, 3), 3).tolist() == [0]
    with pytest.raises(ValueError, match="best of 5 needs as many samples; 4 were drawn"):
        best_index(REWARDS, 5)


@pytest.mark.parametrize("num", [1, 2, 3, 4])
def test_the_expected_best_is_the_mean_over_all_choices(num):
    chosen = [
        SCORES[0, max(some, key=lambda index: REWARDS[0, index])]
        for some in itertools.combinations(range(4), num)
    ]
    got = expected_best(REWARDS, SCORES, num)
    assert float(got) == pytest.approx(float(torch.stack(chosen).mean()))


@pytest.mark.parametrize("num", [1, 2, 3, 5])
def test_coverage_is_the_share_of_choices_with_a_correct_one(num):
    for correct in range(6):
        flags = [True] * correct + [False] * (5 - correct)
        share = [any(some) for some in itertools.combinations(flags, num)]
        got = float(coverage(torch.tensor([correct]), 5, num))
        assert got == pytest.approx(sum(share) / len(share))


def test_several_n():
    assert powers_of_two(8) == [1, 2, 4, 8] and powers_of_two(6) == [1, 2, 4, 6]
    assert powers_of_two(1) == [1]
