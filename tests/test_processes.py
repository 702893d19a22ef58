from __future__ import annotations

import pytest

from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.processes import num_processes, num_shares

MESH = {"devices": 8, "nodes": 1, "mesh": {"data": 2, "model": 4}, "rules": {"batch": "data"}}


def test_a_mesh_shares_the_batch_along_one_axis_all_else_among_all():
    assert (num_processes(MESH), num_shares(MESH)) == (8, 2)
    assert num_shares(MESH | {"rules": {"batch": None}}) == 1
    assert num_shares({"devices": 4, "nodes": 2}) == num_processes({"devices": 4, "nodes": 2}) == 8


def test_no_processes_are_refused():
    with pytest.raises(ValueError, match="hardware.devices=0"):
        num_processes({"devices": 0, "nodes": 1})


def test_a_mesh_of_another_number_says_what_to_start_and_how_an_axis_goes():
    with pytest.raises(ValueError, match=r"set hardware.devices=8, or .*: ~hardware.mesh.data"):
        num_processes(MESH | {"devices": 4})


def test_an_axis_is_taken_away_and_another_put_in_its_place():
    words = ["~hardware.mesh.model", "+hardware.mesh.tensor=2", "hardware.devices=4"]
    rules = [f"hardware.rules.{name}=tensor" for name in ("heads", "mlp", "vocab")]
    composed = Composer(find_places()).compose(["hardware=mesh", *words, *rules])
    node = resolve.plain(composed.cfg)["hardware"]
    assert node["mesh"] == {"data": 2, "tensor": 2}
    assert (num_processes(node), num_shares(node)) == (4, 2)
