"""Layouts worth considering for a number of devices, from the simplest to the most divided."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lmlab.scaling.plan.accelerator import Accelerator
from lmlab.scaling.plan.flops import Checkpointing
from lmlab.scaling.plan.layout import layout_name
from lmlab.scaling.plan.memory import Layout, Precision, total_memory
from lmlab.scaling.plan.shape import Shape

USABLE = 0.9  # of a device's memory; the rest is fragmentation and the runtime's own


def smallest_layout(
    shape: Shape,
    device: Accelerator,
    num_devices: int,
    seq_len: int,
    precision: Precision = "bf16_mixed",
) -> str:
    """The least sharding that fits the device, at one sequence a data copy."""
    for name, layout in candidate_layouts(num_devices, precision):
        if total_memory(shape, layout, seq_len, seq_len) <= USABLE * device.memory_bytes:
            return name
    return f"none fits {num_devices} x {device.name}: more devices, or layers divided among them"


def candidate_layouts(
    num_devices: int, precision: Precision = "bf16_mixed", checkpointing: Checkpointing = "none"
) -> list[tuple[str, Layout]]:
    """Named layouts from the simplest to the most divided; checkpointing=blocks: of every one."""
    plain = [Layout(data=num_devices)]
    if num_devices == 1:
        found = [*plain, Layout(checkpointing="blocks")]
    else:
        stages: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)
        found = plain + [Layout(zero=stage, data=num_devices) for stage in stages]
        for tensor in (1, 2, 4, 8):
            if num_devices % tensor == 0 and num_devices > tensor:
                data = num_devices // tensor
                found.append(Layout(zero=3, data=data, tensor=tensor, checkpointing="blocks"))
    found = [replace(layout, precision=precision) for layout in found]
    if checkpointing == "blocks":
        found = list(dict.fromkeys(replace(layout, checkpointing="blocks") for layout in found))
    return [(layout_name(layout), layout) for layout in found]
