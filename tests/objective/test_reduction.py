from __future__ import annotations

import pytest
import torch

from lmlab.objective.reduction import masked_sum, num_terms, reduced

LOSS = torch.tensor([[1.0, 2.0, 3.0], [8.0, float("nan"), 9.0]])
MASK = torch.tensor([[True, True, True], [True, False, False]])


@pytest.mark.parametrize(
    ("reduction", "total", "terms"),
    [("token", 14.0, 4), ("sequence", 10.0, 2), ("constant", 3.5, 2)],
)
def test_by_hand(reduction, total, terms):
    assert float(reduced(LOSS, MASK, reduction, 4.0)) == total
    assert int(num_terms(MASK, reduction)) == terms


def test_sums_add_up_over_micro_batches():
    for reduction in ("token", "sequence", "constant"):
        parts = [reduced(LOSS[r : r + 1], MASK[r : r + 1], reduction, 4.0) for r in range(2)]
        assert float(sum(parts)) == float(reduced(LOSS, MASK, reduction, 4.0))


def test_metrics_are_sums_without_gradient():
    values = torch.ones(2, 3, requires_grad=True)
    found = masked_sum(values, MASK)
    assert float(found) == 4 and not found.requires_grad
