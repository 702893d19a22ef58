from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from lmlab.hardware.shard import Sharding, gradients_apart, shard_children
from tests.conftest import small_gpt
from tests.hardware.one import mesh_of_one
from tests.hardware.ranks import ranks
from tests.mesh.tiny import NAMES, loss_of, make, tokens


def stage_of(**children: nn.Module) -> nn.Module:
    stage = nn.Module()
    for name, child in children.items():
        stage.add_module(name, child)
    return stage


def test_every_child_with_parameters_is_divided_blocks_first():
    stage = stage_of(arch=small_gpt(), heads=nn.ModuleList([nn.Linear(4, 1)]), drop=nn.Dropout(0.1))
    with mesh_of_one("shard") as mesh:
        shard_children(stage, mesh, Sharding())
        assert all(isinstance(parameter, DTensor) for parameter in stage.parameters())
        assert all(isinstance(block, FSDPModule) for block in stage.arch.blocks)
        assert isinstance(stage.heads[0], FSDPModule) and not isinstance(stage.drop, FSDPModule)
        assert stage.arch.unembedding.weight is stage.arch.token_embedding.weight


def test_the_unembedding_is_whole_between_forward_and_backward():
    stage = stage_of(arch=small_gpt())
    with mesh_of_one("shard") as mesh:
        shard_children(stage, mesh, Sharding())
        hidden = stage.arch(torch.arange(6)[None])
        assert not isinstance(stage.arch.unembedding.weight, DTensor)
        (hidden @ stage.arch.unembedding.weight.T).sum().backward()
        assert isinstance(stage.arch.unembedding.weight.grad, DTensor)


def test_gradients_apart_wait_for_the_last_backward():
    stage = stage_of(arch=small_gpt())
    with mesh_of_one("shard") as mesh:
        shard_children(stage, mesh, Sharding())
        with gradients_apart(stage):
            stage.arch(torch.arange(6)[None]).sum().backward()
            assert all(parameter.grad is None for parameter in stage.parameters())
        stage.arch(torch.arange(6)[None]).sum().backward()
        assert stage.arch.blocks[0].attention.query.weight.grad is not None


def differing(names: tuple[str, ...]) -> int:
    """How many architectures have other gradients when two processes share them."""
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (2,))
    return sum(not _equal(make(name), make(name), mesh) for name in names)


def _equal(plain: nn.Module, divided: nn.Module, mesh: DeviceMesh) -> bool:
    shard_children(stage_of(arch=divided), mesh, Sharding())
    for arch in (plain, divided):
        loss_of(arch, tokens()).backward()
        torch.optim.SGD(arch.parameters(), 0.1).step()  # the second pass must see new weights
        arch.zero_grad()
        loss_of(arch, tokens()).backward()
    pairs = zip(plain.parameters(), divided.parameters(), strict=True)
    return all(
        one.grad is None or torch.allclose(other.grad.full_tensor(), one.grad, atol=1e-6)
        for one, other in pairs
    )


def test_gradients_are_those_of_the_undivided_architecture():
    assert ranks(2, differing, NAMES) == [0, 0]
