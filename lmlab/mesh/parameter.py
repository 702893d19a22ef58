"""A parameter as a DTensor, and the plain tensor that a layer computes with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.placement_types import Placement, Shard

from lmlab.mesh.axes import Named
from lmlab.mesh.collective import (
    HardwareAxis,
    all_gather,
    all_reduce,
    own_part,
    reduce_scatter,
)
from lmlab.mesh.rules import Rules, names_of, placements


@dataclass(slots=True)
class Use:
    """How one parameter is held and used.

    kept: the hardware axis of each dimension that a layer computes its part of; gathered: dimensions
    that are put together before each use, because only their storage is divided; averaged: axes that
    carry different sequences, over which gradients are averaged; apart: leave that out for now.
    """

    name: str
    mesh: DeviceMesh
    placements: tuple[Placement, ...]
    shape: torch.Size
    stride: tuple[int, ...]
    kept: dict[int, HardwareAxis]
    gathered: list[tuple[int, HardwareAxis, bool]]
    averaged: list[HardwareAxis]
    apart: list[bool] = field(default_factory=lambda: [False])

    def local(self, parameter: nn.Parameter) -> Tensor:
        """What the layer computes with: its own part, stored parts gathered."""
        result: Tensor = _Local.apply(parameter, self)
        return result

    def average(self, parameter: Tensor) -> None:
        """Average an accumulated gradient over the axes that carry different sequences."""
        grad = parameter.grad
        if grad is None or self.apart[0]:
            return
        local = grad.to_local() if isinstance(grad, DTensor) else grad
        for axis in self.averaged:
            summed = all_reduce(local.div_(axis.size), axis, self.name, "gradient")
            if summed is not local:
                local.copy_(summed)


class _Local(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, parameter: DTensor, use: Use) -> Tensor:
        ctx.use = use
        local = parameter.to_local()
        for dim, axis, _ in use.gathered:
            local = all_gather(local, dim, axis, use.name, "weight")
        return local.view_as(local)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        use = ctx.use
        for dim, axis, carries_batch in reversed(use.gathered):
            if carries_batch:
                grad = reduce_scatter(grad, dim, axis, use.name, "gradient") / axis.size
            else:
                grad = own_part(grad, dim, axis)
        return held(grad.contiguous(), use), None


def held(local: Tensor, use: Use) -> DTensor:
    """The DTensor of which `local` is this device's part."""
    return DTensor.from_local(
        local, use.mesh, use.placements, run_check=False, shape=use.shape, stride=use.stride
    )


def use_of(one: Named, mesh: DeviceMesh, rules: Rules) -> Use:
    """How a named parameter is held and used under the rules."""
    axes = [HardwareAxis(mesh, name) for name in mesh.mesh_dim_names or ()]
    where = placements(one.axes, [axis.name for axis in axes], rules)
    kept: dict[int, HardwareAxis] = {}
    gathered: list[tuple[int, HardwareAxis, bool]] = []
    for axis, place in zip(axes, where, strict=True):
        if not isinstance(place, Shard):
            continue
        name = names_of(one.axes[place.dim])[0]
        carries_batch = axis.name == rules.get("batch")
        if name in one.splits and not carries_batch:
            kept[place.dim] = axis
        else:
            gathered.append((place.dim, axis, carries_batch))
    stored = {axis.name for _, axis, _ in gathered}
    averaged = [a for a in axes if a.name == rules.get("batch") and a.name not in stored]
    shape, stride = one.parameter.shape, one.parameter.stride()
    return Use(one.name, mesh, where, shape, stride, kept, gathered, averaged)


def divided(parameter: nn.Parameter, use: Use) -> nn.Parameter:
    """The parameter as a DTensor that holds this device's part; every device has the whole before."""
    local = parameter.detach()
    for dim, axis in use.kept.items():
        local = own_part(local, dim, axis)
    for dim, axis, _ in use.gathered:
        local = own_part(local, dim, axis)
    local = local.clone(memory_format=torch.contiguous_format)
    made = nn.Parameter(held(local, use), requires_grad=parameter.requires_grad)
    if use.averaged and made.requires_grad:
        made.register_post_accumulate_grad_hook(use.average)
    return made
