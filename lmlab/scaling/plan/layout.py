"""From the name of a strategy to how a model lies on devices."""

from __future__ import annotations

from typing import Literal

from lmlab.scaling.plan.flops import Checkpointing
from lmlab.scaling.plan.memory import Layout, Precision

ZERO: dict[str, Literal[0, 1, 2, 3]] = {"none": 0, "ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3}
# What the strategies of `hardware` are here.
OF_HARDWARE = {"ddp": "ddp", "fsdp": "zero3", "fsdp2": "zero3", "deepspeed": "zero2"}


def chosen_layout(
    strategy: str, num_devices: int, tensor: int, precision: Precision, checkpointing: Checkpointing
) -> tuple[str, Layout]:
    """The layout and its name. Raises: ValueError for devices that tensor does not divide."""
    if num_devices % tensor:
        raise ValueError(
            f"stage.tensor={tensor} does not divide {num_devices} devices; set stage.num_devices to "
            f"a multiple of {tensor}"
        )
    if strategy == "none" and num_devices > tensor:
        raise ValueError(
            f"stage.strategy=none is one copy of the model and {num_devices} devices are "
            f"{num_devices // tensor}; set stage.strategy=ddp, or zero1 to zero3 to shard"
        )
    layout = Layout(ZERO[strategy], num_devices // tensor, tensor, precision, checkpointing)
    words = {"none": "one device", "ddp": "DDP"}.get(strategy, f"zero {ZERO[strategy]}")
    words = f"tensor {tensor}" if strategy == "none" and tensor > 1 else words
    words += f", tensor {tensor}" if strategy != "none" and tensor > 1 else ""
    return words + (", blocks checkpointed" if checkpointing == "blocks" else ""), layout
