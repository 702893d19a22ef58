"""Worlds of 64 to 1,024 processes in this one, on the meta device."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist

from lmlab.hardware.data_parallel import DataParallel
from lmlab.hardware.dry_run import dry_run
from lmlab.hardware.fully_sharded import FullySharded
from lmlab.hardware.mesh import Mesh
from tests.conftest import small_gpt
from tests.hardware.one import keys
from tests.hardware.test_fully_sharded import OWN
from tests.hardware.test_mesh import RULES


def make_arch() -> torch.nn.Module:
    """About 200 million parameters, whose every axis 1,024 divides."""
    return small_gpt(vocab_size=8192, num_layers=4, width=2048, num_heads=16, max_seq_len=1024)


@pytest.mark.parametrize("num_nodes", [8, 32, 128])
def test_fully_sharded_processes_hold_equal_parts_of_everything(num_nodes):
    hardware = FullySharded(**keys(**OWN, devices=8, nodes=num_nodes))
    found = dry_run(hardware, make_arch, rank=num_nodes * 8 - 1)
    assert found.num_params > 2e8 and not dist.is_initialized()
    assert found.held * hardware.world_size == pytest.approx(found.num_params, rel=1e-3)
    assert found.held < found.most_held < found.num_params / 4
    assert set(found.placements.values()) == {"shard S(0)"}


def test_copies_hold_more():
    one = FullySharded(**keys(**OWN | {"replicas": 8}, devices=8, nodes=8))
    found = dry_run(one, make_arch)
    assert found.held * 8 == pytest.approx(found.num_params, rel=1e-3)
    assert found.placements["arch.blocks.0.attention.query.weight"] == "copy R, shard S(0)"


@pytest.mark.parametrize("data", [8, 16, 128])
def test_a_mesh_divides_what_its_rules_name(data):
    rules = RULES | {"vocab": "model", "embed": "data"}
    sizes = {"data": data, "model": 8}
    hardware = Mesh(**keys(strategy="mesh", mesh=sizes, rules=rules, devices=8, nodes=data))
    found = dry_run(hardware, make_arch, rank=3)
    assert found.held < found.num_params / (4 * data)
    assert found.placements["arch.blocks.0.attention.query.weight"] == "data S(1), model S(0)"


def test_rules_that_do_not_divide_fail_as_the_real_run_would():
    hardware = Mesh(**keys(strategy="mesh", mesh={"data": 2, "model": 32}, rules=RULES, devices=64))
    with pytest.raises(ValueError, match="heads"):
        dry_run(hardware, make_arch)
    assert not dist.is_initialized()


def test_data_parallel_processes_hold_all_of_it():
    own = {"bucket_megabytes": 25.0, "gradient_dtype": "fp32", "static_graph": False}
    found = dry_run(DataParallel(**keys(strategy="ddp", **own)), make_arch)
    assert found.held == found.most_held == found.num_params
    assert set(found.placements.values()) == {"whole"}
