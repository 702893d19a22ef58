"""Random states out and back in."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from lmlab.io import random_state
from lmlab.io.plain import plain


def draw() -> tuple[object, ...]:
    return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random(), random.gauss(0, 1)


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    states = random_state.snapshot()
    yield
    random_state.put_back(states)


def test_put_continues_where_get_was_called() -> None:
    torch.manual_seed(0)
    np.random.normal()  # numpy and Python keep a second normal number back
    random.gauss(0, 1)
    state = random_state.get()
    expected = draw()
    draw()
    random_state.put(state)
    assert draw() == expected


def test_a_state_survives_a_file_of_plain_types() -> None:
    file = io.BytesIO()
    torch.save(plain(random_state.get()), file)
    expected = draw()
    file.seek(0)
    random_state.put(torch.load(file, weights_only=True))
    assert draw() == expected


def test_snapshot_and_put_back() -> None:
    states = random_state.snapshot()
    expected = draw()
    random_state.put_back(states)
    assert draw() == expected


def test_derived_states_depend_on_state_rank_and_world_size() -> None:
    torch.manual_seed(0)
    first = random_state.get()
    torch.manual_seed(1)
    second = random_state.get()
    drawn = []
    for state, rank, size in [(first, 0, 2), (first, 1, 2), (first, 0, 4), (second, 0, 2)]:
        random_state.derive(state, rank, size)
        drawn.append(draw())
    random_state.derive(first, 0, 2)
    assert draw() == drawn[0]
    assert len({str(item) for item in drawn}) == 4
