"""What an architecture sends under the rules: its divided program run on tensors without numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from lmlab.mesh.collective import Collective, HardwareAxis, enter, note, recorded
from lmlab.mesh.machines import sent_by_one
from lmlab.mesh.parallelize import parallelize
from lmlab.mesh.rules import Rules

ONCE_A_STEP = ("all-reduce", "gradient")


@dataclass(frozen=True, slots=True)
class Sent:
    """One kind of collective in a step: where (layers by *), how often, bytes one device sends."""

    kind: str
    axis: str
    where: str
    what: str
    times: int
    array_bytes: int
    sent_bytes: float


@contextmanager
def pretended_mesh(shape: Mapping[str, int], rank: int = 0) -> Iterator[DeviceMesh]:
    """A mesh of any size in this one process, which is its device `rank`; nothing is sent.

    Raises: RuntimeError in a process that is part of a real group.
    """
    from torch.testing._internal.distributed.fake_pg import FakeStore

    if dist.is_initialized():
        raise RuntimeError("this process is part of a group already")
    world_size = math.prod(shape.values())
    dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=world_size)
    try:
        yield init_device_mesh("cpu", tuple(shape.values()), mesh_dim_names=tuple(shape))
    finally:
        dist.destroy_process_group()


def collectives_of(
    arch: Any,
    mesh_shape: Mapping[str, int],
    rules: Rules,
    lengths: tuple[int, int, float],
    rows: int,
) -> list[Collective]:
    """Those of one forward and backward pass, in order; arch on meta, which is divided in place.

    lengths: tokens that an encoder reads, tokens of the only or the decoder stack, and scored ones,
    of each of `rows` sequences.
    """
    with pretended_mesh(mesh_shape) as mesh, recorded() as found:
        parallelize(arch, mesh, rules)
        hidden = _hidden(arch, lengths, rows)
        scored = hidden.flatten(0, 1)[: max(1, round(rows * lengths[2]))]
        _loss(arch, scored).backward()  # type: ignore[no-untyped-call]
    return found


def _hidden(arch: Any, lengths: tuple[int, int, float], rows: int) -> Tensor:
    source, target = (
        torch.zeros(rows, int(length), dtype=torch.int64, device="meta") for length in lengths[:2]
    )
    hidden: Tensor = arch(source, target) if arch.kind == "encoder_decoder" else arch(target)
    return hidden


def _loss(arch: Any, hidden: Tensor) -> Tensor:
    """Something with the arithmetic and the collectives of the fused loss."""
    readout = getattr(arch, "readout", None)
    hidden = hidden if readout is None else readout(hidden)
    weight = arch.unembedding.weight
    if not isinstance(weight, DTensor):
        return F.linear(hidden, weight, arch.unembedding.bias).sum()
    axis = HardwareAxis(arch.unembedding.uses["weight"].mesh, weight.device_mesh.mesh_dim_names[0])  # type: ignore[index]
    for numbers, what in ((1, "activation"), (2, "activation")):  # the maximum, then two sums
        note("all-reduce", axis, numbers * len(hidden), "loss", what)
    bias = arch.unembedding.bias
    local = None if bias is None else bias.to_local()
    return F.linear(enter(hidden, axis, "loss"), weight.to_local(), local).sum()


def sent_in_a_step(
    found: list[Collective],
    mesh_shape: Mapping[str, int],
    *,
    num_micro: int,
    activation_bytes: int,
    weight_bytes: int = 4,
) -> list[Sent]:
    """Equal collectives of one pass counted together, over a step of num_micro passes.

    Gradients that are averaged are sent once a step, all else in every pass.
    """
    counted: Counter[tuple[str, str, str, str, int]] = Counter()
    for one in found:
        times = 1 if (one.kind, one.what) == ONCE_A_STEP else num_micro
        where = re.sub(r"\b\d+\b", "*", one.where)
        counted[(one.kind, one.axis, where, one.what, one.numel)] += times
    rows = []
    for (kind, axis, where, what, numel), times in counted.items():
        number = weight_bytes if what in ("weight", "gradient") else activation_bytes
        size = numel * number
        sent = times * sent_by_one(kind, size, mesh_shape[axis])
        rows.append(Sent(kind, axis, where, what, times, size, sent))
    return [row for row in rows if row.sent_bytes > 0]
