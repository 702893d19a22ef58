from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh

from lmlab.hardware.mesh import Mesh
from lmlab.mesh.traffic import pretended_mesh
from tests.hardware.one import keys, mesh_of_one
from tests.mesh import tiny
from tests.mesh.gloo import on_processes

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
    with pytest.raises(ValueError, match=r"set hardware.devices=8, or .*~hardware.mesh.data"):
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


@pytest.mark.parametrize("name", ["gpt", "llama", "t5", "bart", "transformer"])
def test_a_process_decodes_with_caches_of_its_own_heads(name):
    stage = nn.Module()
    stage.arch = tiny.make(name, num_layers=1)
    hardware = mesh({"data": 1, "model": 2})
    with pretended_mesh(hardware.mesh_shape) as process_mesh, torch.no_grad():
        hardware.divide(stage, process_mesh)
        assert stage.arch.cache_heads == 2
        rows = tiny.tokens()
        if stage.arch.kind == "decoder":
            cache = stage.arch.new_cache(len(rows), 4)
            hidden = [stage.arch(rows[:, at : at + 1], cache=cache) for at in range(3)]
        else:
            memory = stage.arch.encode(rows)
            cache = stage.arch.start_decoding(memory, torch.ones_like(rows, dtype=torch.bool), 4)
            hidden = [stage.arch.decode(rows[:, at : at + 1], cache) for at in range(3)]
    assert {each.shape for each in hidden} == {(len(rows), 1, 32)}


def test_an_encoder_and_decoder_write_divided_what_they_write_whole():
    assert max(on_processes(2, decoded)) < 1e-5


def decoded() -> float:
    """How far the states of three tokens are from those of one process."""
    worst = 0.0
    process_mesh = init_device_mesh("cpu", (1, 2), mesh_dim_names=("data", "model"))
    for name in ("t5", "bart", "transformer"):
        stage = nn.Module()
        stage.arch = tiny.make(name, num_layers=1)
        mesh({"data": 1, "model": 2}).divide(stage, process_mesh)
        rows, real = tiny.tokens(), torch.ones(tiny.ROWS, tiny.LENGTH, dtype=torch.bool)
        found = []
        for arch in (tiny.make(name, num_layers=1), stage.arch):
            with torch.no_grad():
                cache = arch.start_decoding(arch.encode(rows), real, 3)
                found.append([arch.decode(rows[:, at : at + 1], cache) for at in range(3)])
        pairs = zip(*found, strict=True)
        worst = max([worst, *(float((one - other).abs().max()) for one, other in pairs)])
    return worst
