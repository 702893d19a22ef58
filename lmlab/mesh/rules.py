"""Rules from the axes of an array to the axes of the hardware, as pure functions.

An array's axes are names, None for one that is never divided; "heads head_width" is two axes in one
dimension, of which the first is divided. A rule gives the hardware axis of a name, or None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.distributed.tensor.placement_types import Placement

Axes = tuple[str | None, ...]
Rules = Mapping[str, str | None]


def names_of(axis: str | None) -> list[str]:
    """The names in one dimension, the outermost first: "heads head_width" has two."""
    return [] if axis is None else axis.split()


def partition_spec(axes: Axes, rules: Rules) -> tuple[str | None, ...]:
    """The hardware axis of each dimension, as XLA's mark_sharding takes it.

    {"heads": "model"} makes ("heads head_width", "embed") to ("model", None). A name without a rule
    is not divided. Source: rows S1-15, S1-17; GSPMD, Xu et al. 2021 (arXiv 2105.04663).
    """
    outer = [names_of(axis)[0] if axis else None for axis in axes]
    return tuple(None if name is None else rules.get(name) for name in outer)


def placements(axes: Axes, mesh_axes: Sequence[str], rules: Rules) -> tuple[Placement, ...]:
    """What DTensor takes: for each axis of the hardware, the dimension it divides, or Replicate."""
    from torch.distributed.tensor.placement_types import Replicate, Shard

    spec = partition_spec(axes, rules)
    return tuple(Shard(spec.index(name)) if name in spec else Replicate() for name in mesh_axes)
