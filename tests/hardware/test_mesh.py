from __future__ import annotations

import pytest
from torch import nn

from lmlab.hardware.mesh import Mesh
from tests.hardware.one import keys, mesh_of_one

RULES = {"batch": "data", "heads": "model", "mlp": "model", "vocab": None, "embed": None}


def mesh(sizes: dict[str, int], rules: dict[str, str | None] = RULES, **changes: object) -> Mesh:
    number = 1
    for size in sizes.values():
        number *= size
    return Mesh(**keys(strategy="mesh", devices=number, mesh=sizes, rules=rules) | changes)


def test_processes_of_one_row_share_their_part_of_the_batch():
    hardware = mesh({"data": 2, "model": 4})
    assert (hardware.world_size, hardware.data_size) == (8, 2)
    assert [hardware.data_rank(rank) for rank in range(8)] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert hardware.layout() == "2 data x 4 model"


def test_the_axis_of_the_batch_may_be_the_fast_one_or_none():
    fast = mesh({"model": 2, "data": 3})
    assert [fast.data_rank(rank) for rank in range(6)] == [0, 1, 2, 0, 1, 2]
    assert mesh({"model": 2}, RULES | {"batch": None}).data_size == 1


def test_a_mesh_that_is_not_all_processes_says_how_many_to_start():
    with pytest.raises(ValueError, match="set hardware.devices=8"):
        mesh({"data": 2, "model": 4}, devices=4)


def test_a_rule_to_an_axis_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"hardware.rules.heads=tensor.*no such axis"):
        mesh({"data": 2}, {"batch": "data", "heads": "tensor"})


def test_a_stage_that_trains_a_head_beside_its_architecture_is_refused():
    stage = nn.Module()
    stage.head = nn.Linear(2, 2)
    with (
        mesh_of_one("data") as process_mesh,
        pytest.raises(ValueError, match="also trains its head; use hardware=fsdp2"),
    ):
        mesh({"data": 1}, {"batch": "data"}).divide(stage, process_mesh)
