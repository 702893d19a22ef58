"""Low-rank adapters in a checkpoint, added up: a later run starts from plain weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

IN, OUT, SCALE = "lora_in", "lora_out", "lora_scale"


def without_adapters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every X.weight that has adapters as weight + scale * X.lora_out @ X.lora_in, and those left out."""
    plain = dict(tensors)
    for name in [name for name in tensors if name.endswith(f".{IN}")]:
        layer = name.removesuffix(IN)
        down, up, scale = (plain.pop(layer + part) for part in (IN, OUT, SCALE))
        plain[f"{layer}weight"] = plain[f"{layer}weight"] + scale * up @ down
    return plain
