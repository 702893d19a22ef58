from __future__ import annotations

import math

import pytest
import torch

from lmlab.batch import Head, TokenBatch
from lmlab.objective.response import Response


def batch() -> TokenBatch:
    tokens = torch.tensor([[5, 6, 7, 8]])
    mask = torch.tensor([[False, False, True, True]])
    return TokenBatch(tokens, tokens.roll(-1, 1), mask)


def test_only_the_answer_counts():
    objective = Response(kind="decoder", z_loss=0.0)
    hidden, head = torch.zeros(1, 4, 3), Head(torch.randn(10, 3))
    loss = objective.loss(hidden, head, batch())
    assert int(loss.count) == 2
    assert float(loss.total) == pytest.approx(2 * math.log(10))
    changed = hidden.clone()
    changed[0, :2] = 1.0  # where nothing counts
    assert float(objective.loss(changed, head, batch()).total) == float(loss.total)


def test_lengths_go_through_the_encoder_where_there_is_one():
    assert Response(kind="decoder", z_loss=0.0).lengths(64).source == 0
    lengths = Response(kind="encoder_decoder", z_loss=0.0).lengths(64)
    assert (lengths.source, lengths.target) == (32, 32)


def test_a_negative_z_loss_is_refused():
    with pytest.raises(ValueError, match="objective.z_loss=-1"):
        Response(kind="decoder", z_loss=-1)
