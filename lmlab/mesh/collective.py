"""The collectives of a divided program, forward and backward, and a record of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh


@dataclass(frozen=True, slots=True)
class HardwareAxis:
    """One axis of a mesh: this device's place on it, and the devices along it."""

    mesh: DeviceMesh
    name: str

    @property
    def size(self) -> int:
        return int(self.mesh.shape[(self.mesh.mesh_dim_names or ()).index(self.name)])

    @property
    def rank(self) -> int:
        return int(self.mesh.get_local_rank(self.name))

    @property
    def group(self) -> Any:
        return self.mesh.get_group(self.name)

    @property
    def line(self) -> DeviceMesh:
        """The mesh of this axis alone."""
        return self.mesh[self.name]


@dataclass(frozen=True, slots=True)
class Collective:
    """One collective over the whole array: kind, hardware axis, numbers in it, where, and what.

    what: activation, its gradient, weight or gradient.
    """

    kind: str
    axis: str
    numel: int
    where: str
    what: str


_log: list[Collective] | None = None


@contextmanager
def recorded() -> Iterator[list[Collective]]:
    """Inside, every collective is noted in the list; on meta tensors they are only noted."""
    global _log
    before, _log = _log, []
    try:
        yield _log
    finally:
        _log = before


def note(kind: str, axis: HardwareAxis, numel: int, where: str, what: str) -> None:
    """Note a collective that somebody else does."""
    if _log is not None:
        _log.append(Collective(kind, axis.name, numel, where, what))


def all_reduce(x: Tensor, axis: HardwareAxis, where: str, what: str) -> Tensor:
    """The sum of x over the devices of an axis, in place where x is contiguous."""
    note("all-reduce", axis, x.numel(), where, what)
    x = x.contiguous()
    if not x.is_meta:
        dist.all_reduce(x, group=axis.group)
    return x


def all_gather(
    x: Tensor, dim: int, axis: HardwareAxis, where: str, what: str, size: int | None = None
) -> Tensor:
    """The parts of all devices of an axis, one after the other along a dimension.

    size: of the whole dimension, where the last part is smaller than the others.
    """
    front = x.movedim(dim, 0).contiguous()
    size = axis.size * front.shape[0] if size is None else size
    part = -(-size // axis.size)
    if front.shape[0] < part:
        front = torch.cat((front, front.new_zeros(part - front.shape[0], *front.shape[1:])))
    whole = front.new_empty(axis.size * part, *front.shape[1:])
    note("all-gather", axis, whole.numel(), where, what)
    if not x.is_meta:
        dist.all_gather_single(whole, front, group=axis.group)
    return whole[:size].movedim(0, dim)


def reduce_scatter(x: Tensor, dim: int, axis: HardwareAxis, where: str, what: str) -> Tensor:
    """This device's part, along a dimension, of the sum over the devices of an axis."""
    note("reduce-scatter", axis, x.numel(), where, what)
    front = x.movedim(dim, 0).contiguous()
    part = front.new_empty(front.shape[0] // axis.size, *front.shape[1:])
    if not x.is_meta:
        dist.reduce_scatter_single(part, front, group=axis.group)
    return part.movedim(0, dim)


def own_part(x: Tensor, dim: int, axis: HardwareAxis) -> Tensor:
    """This device's part of x along a dimension, the last one's may be smaller; nothing is sent."""
    part = -(-x.shape[dim] // axis.size)
    start = axis.rank * part
    return x.narrow(dim, start, min(part, x.shape[dim] - start))


class _Enter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: HardwareAxis, where: str) -> Tensor:
        ctx.axis, ctx.where = axis, where
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return all_reduce(grad.clone(), ctx.axis, ctx.where, "its gradient"), None, None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: HardwareAxis, where: str) -> Tensor:
        return all_reduce(x.clone(), axis, where, "activation")

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return grad, None, None


class _Join(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: HardwareAxis, where: str, size: int) -> Tensor:
        ctx.axis = axis
        return all_gather(x, x.dim() - 1, axis, where, "activation", size)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return own_part(grad, grad.dim() - 1, ctx.axis), None, None, None


def enter(x: Tensor, axis: HardwareAxis, where: str) -> Tensor:
    """x, equal on all devices of an axis, into work that is divided among them: x itself.

    Backward, their shares of its gradient are added (Megatron-LM's f; Shoeybi et al. 2019).
    """
    result: Tensor = _Enter.apply(x, axis, where)
    return result


def add_up(x: Tensor, axis: HardwareAxis, where: str) -> Tensor:
    """The sum of partial results over an axis; backward nothing is sent (Megatron-LM's g)."""
    result: Tensor = _Sum.apply(x, axis, where)
    return result


def join(x: Tensor, axis: HardwareAxis, where: str, size: int) -> Tensor:
    """The parts of the last dimension, `size` in all, put together; backward each keeps its own."""
    result: Tensor = _Join.apply(x, axis, where, size)
    return result
