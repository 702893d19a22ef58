"""How a model lies on devices, by a strategy's name and in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lmlab.scaling.plan.memory import Layout

Strategy = Literal["none", "ddp", "zero1", "zero2", "zero3"]
ZERO: dict[str, Literal[0, 1, 2, 3]] = {"none": 0, "ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3}


def chosen_layout(strategy: str, num_devices: int, tensor: int, like: Layout) -> Layout:
    """A strategy of `stage.strategy`, with the precision and checkpointing of `like`.

    Raises: ValueError for devices that tensor does not divide, and for one copy on several.
    """
    _check_tensor(num_devices, tensor)
    if strategy == "none" and num_devices > tensor:
        raise ValueError(
            f"stage.strategy=none is one copy of the model and {num_devices} devices are "
            f"{num_devices // tensor}; set stage.strategy=ddp, or zero1 to zero3 to shard"
        )
    return Layout(
        zero=ZERO[strategy],
        data=num_devices // tensor,
        tensor=tensor,
        precision=like.precision,
        checkpointing=like.checkpointing,
    )


def resized(layout: Layout, num_devices: int, tensor: int) -> Layout:
    """The layout on another number of devices. Raises: ValueError where they do not divide."""
    _check_tensor(num_devices, tensor)
    data = num_devices // tensor
    if data % layout.replicas:
        raise ValueError(
            f"hardware.replicas={layout.replicas} does not divide {data} data copies; set "
            f"stage.num_devices to a multiple of {layout.replicas * tensor}"
        )
    return replace(layout, data=data, tensor=tensor)


def layout_name(layout: Layout) -> str:
    """In a few words: "zero 3, tensor 8, blocks checkpointed"."""
    words = [f"zero {layout.zero}"] if layout.zero else ["DDP"] if layout.data > 1 else []
    if layout.replicas > 1:
        words.append(f"{layout.replicas} replicas")
    if layout.tensor > 1:
        words.append(f"tensor {layout.tensor}")
    words = words or ["one device"]
    if layout.checkpointing == "blocks":
        words.append("blocks checkpointed")
    if layout.keeps_blocks:
        words.append("weights kept whole")
    if layout.keeps_gradients:
        words.append("gradients kept whole")
    if layout.offload != "none":
        words.append("optimizer on the CPU" if layout.offload == "optimizer" else "on the CPU")
    return ", ".join(words)


def _check_tensor(num_devices: int, tensor: int) -> None:
    if num_devices % tensor:
        raise ValueError(
            f"stage.tensor={tensor} does not divide {num_devices} devices; set stage.num_devices to "
            f"a multiple of {tensor}"
        )
