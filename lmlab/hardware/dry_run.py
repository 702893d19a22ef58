"""A run of hundreds of processes in this one, without devices or memory: what each would hold.

Weights are on torch's meta device and the processes are torch's fake process group, whose
collectives move nothing. Nothing is computed; placements, shapes and sizes are those of the real run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.overrides import TorchFunctionMode

from lmlab.hardware.blocks import blocks_of

DRAWS = ("normal_", "uniform_", "trunc_normal_")


@dataclass(frozen=True, slots=True)
class DryRun:
    """What one process of a run holds.

    num_params: of the whole model; held: of those, in this process; most_held: while the largest
    block is gathered; placements: how each parameter lies on the mesh, by name.
    """

    num_params: int
    held: int
    most_held: int
    placements: dict[str, str]


class NothingDrawn(TorchFunctionMode):
    """Random starts are left out: there is no memory to draw into."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def fake_processes(world_size: int, rank: int = 0) -> Iterator[None]:
    """Inside, this process is `rank` of `world_size`, and talks to nobody."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=world_size)
    try:
        yield
    finally:
        dist.destroy_process_group()


def dry_run(hardware: Any, make_arch: Callable[[], nn.Module], rank: int = 0) -> DryRun:
    """Divide an architecture as `hardware` would and count what process `rank` holds.

    Raises: ValueError as the real run would, for rules or sizes that cannot work.
    """
    stage = nn.Module()
    with torch.device("meta"), NothingDrawn():
        stage.arch = make_arch()
    total = sum(parameter.numel() for parameter in stage.parameters())
    if not hasattr(hardware, "divide"):
        names = dict.fromkeys((name for name, _ in stage.named_parameters()), "whole")
        return DryRun(total, total, total, names)
    largest = _largest_block(stage)
    with fake_processes(hardware.world_size, rank):
        shape = hardware.mesh_shape
        mesh = init_device_mesh("cpu", tuple(shape.values()), mesh_dim_names=tuple(shape))
        hardware.divide(stage, mesh)
        parts = {name: _local(parameter) for name, parameter in stage.named_parameters()}
        where = {name: _placement(parameter) for name, parameter in stage.named_parameters()}
    held = sum(part.numel() for part in parts.values())
    return DryRun(total, held, min(total, held + largest), where)


def _largest_block(stage: nn.Module) -> int:
    sizes = [sum(p.numel() for p in block.parameters()) for block in blocks_of(stage)]
    return max(sizes, default=0)


def _local(parameter: torch.Tensor) -> torch.Tensor:
    return parameter.to_local() if isinstance(parameter, DTensor) else parameter


def _placement(parameter: torch.Tensor) -> str:
    if not isinstance(parameter, DTensor):
        return "whole"
    names = parameter.device_mesh.mesh_dim_names or ()
    return ", ".join(
        f"{name} {place}" for name, place in zip(names, parameter.placements, strict=True)
    )
