"""A run of hundreds of processes in this one, without devices or memory: what each would hold.

Weights are on torch's meta device and the processes are torch's fake process group, whose
collectives move nothing. Nothing is computed; placements, shapes and sizes are those of the real run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from lmlab.hardware.blocks import blocks_of
from lmlab.mesh.traffic import pretended_mesh
from lmlab.undrawn import NothingDrawn


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
    with pretended_mesh(hardware.mesh_shape, rank) as mesh:
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
