"""Layouts worth considering for a number of devices, from the simplest to the most divided."""

from __future__ import annotations

from lmlab.scaling.plan.accelerator import Accelerator
from lmlab.scaling.plan.memory import Layout, total_memory
from lmlab.scaling.plan.shape import Shape

USABLE = 0.9  # of a device's memory; the rest is fragmentation and the runtime's own


def smallest_layout(shape: Shape, device: Accelerator, num_devices: int, seq_len: int) -> str:
    """The least sharding that fits the device, at one sequence a data copy."""
    for name, layout in candidate_layouts(num_devices):
        if total_memory(shape, layout, seq_len, seq_len) <= USABLE * device.memory_bytes:
            return name
    return f"none fits {num_devices} x {device.name}: more devices, or layers divided among them"


def candidate_layouts(num_devices: int) -> list[tuple[str, Layout]]:
    """Layouts from the simplest to the most divided, for that many devices."""
    if num_devices == 1:
        kept = Layout(checkpointing="blocks")
        return [("one device", Layout()), ("one device, blocks checkpointed", kept)]
    found = [("DDP", Layout(data=num_devices))]
    for stage in (1, 2, 3):
        found.append((f"zero {stage}", Layout(zero=stage, data=num_devices)))  # type: ignore[arg-type]
    full = Layout(zero=3, data=num_devices, checkpointing="blocks")
    found.append(("zero 3, blocks checkpointed", full))
    for tensor in (2, 4, 8):
        if num_devices % tensor == 0 and num_devices > tensor:
            layout = Layout(
                zero=3, data=num_devices // tensor, tensor=tensor, checkpointing="blocks"
            )
            found.append((f"zero 3, tensor {tensor}, blocks checkpointed", layout))
    return found
