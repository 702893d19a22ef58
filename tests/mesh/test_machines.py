from __future__ import annotations

import numpy as np
import pytest

from lmlab.mesh.machines import Machines, ring_all_gather, sent_by_one

MESH = Machines({"y": 2, "x": 4})


def test_eight_machines_in_two_rows():
    assert len(MESH.places) == 8 and MESH.places[4] == (1, 0)
    assert MESH.line((1, 2), "y") == [(0, 2), (1, 2)]
    assert MESH.line((1, 2), "x") == [(1, 0), (1, 1), (1, 2), (1, 3)]


def test_an_all_gather_undoes_a_cut():
    array = np.arange(32).reshape(4, 8)
    held = MESH.cut(array, ("y", "x"))
    assert held[(1, 3)].tolist() == [[22, 23], [30, 31]]
    rows = MESH.all_gather(held, 1, "x")
    assert all(np.array_equal(rows[place], array[2 * place[0] :][:2]) for place in MESH.places)
    assert np.array_equal(MESH.all_gather(rows, 0, "y")[(0, 1)], array)
    assert np.array_equal(MESH.put_together(held, (4, 8), ("y", "x")), array)


def test_an_all_reduce_adds_along_one_axis():
    held = {place: np.array([place[1]]) for place in MESH.places}
    assert all(total == [6] for total in MESH.all_reduce(held, "x").values())


def test_machines_that_disagree_are_found():
    held = {place: np.array([float(place[0])]) for place in MESH.places}
    with pytest.raises(ValueError, match="holds other numbers"):
        MESH.put_together(held, (1,), (None,))


def test_the_all_gather_of_four_machines():
    """Row S1-12: each has one piece of 1 2 3 4, and in the end all of them."""
    steps = ring_all_gather(4)
    assert steps[0] == [[1], [2], [3], [4]]
    assert steps[1] == [[1, 4], [1, 2], [2, 3], [3, 4]]
    assert steps[3] == [[1, 2, 3, 4]] * 4 and len(steps) == 4


def test_bytes_on_a_ring():
    assert sent_by_one("all-gather", 512, 4) == 384
    assert sent_by_one("reduce-scatter", 512, 4) == 384
    assert sent_by_one("all-reduce", 512, 4) == 768
    assert sent_by_one("all-reduce", 512, 1) == 0


def test_what_does_not_divide():
    with pytest.raises(ValueError, match="a dimension of 6 does not divide by x=4"):
        MESH.cut(np.zeros(6), ("x",))
