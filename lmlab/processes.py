"""What the settings of `hardware` say by themselves, on a machine that may have no such device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def num_processes(node: Mapping[str, Any]) -> int:
    """Processes of a whole run. Raises: ValueError for none, and for a mesh of another number."""
    devices, nodes = int(node["devices"]), int(node["nodes"])
    if devices < 1 or nodes < 1:
        raise ValueError(f"hardware.devices={devices} and hardware.nodes={nodes} must be 1 or more")
    if node.get("mesh") is not None:
        check_mesh(node["mesh"], node["rules"], devices, nodes)
    return devices * nodes


def num_shares(node: Mapping[str, Any]) -> int:
    """Shares that the batch of a step is divided into."""
    if node.get("mesh") is None:
        return num_processes(node)
    return shares_of_mesh(node["mesh"], node["rules"])


def shares_of_mesh(mesh: Mapping[str, int], rules: Mapping[str, str | None]) -> int:
    """Processes of one mesh that have different shares of the batch."""
    axis = rules.get("batch")
    return 1 if axis is None else mesh[axis]


def check_mesh(
    mesh: Mapping[str, int], rules: Mapping[str, str | None], devices: int, nodes: int
) -> None:
    """Raises: ValueError when a mesh is not made of all processes, or a rule names no axis of it."""
    shown = ", ".join(f"{name}: {size}" for name, size in mesh.items())
    number = math.prod(mesh.values())
    if not mesh or min(mesh.values()) < 1 or number != devices * nodes:
        axis = next(iter(mesh), "data")
        raise ValueError(
            f"hardware.mesh={{{shown}}} is {number} processes, and hardware.devices={devices} x "
            f"hardware.nodes={nodes} are {devices * nodes}; set hardware.devices={number}, or take "
            f"away an axis that the mesh shall not have: ~hardware.mesh.{axis}"
        )
    for axis, name in rules.items():
        if name is not None and name not in mesh:
            raise ValueError(
                f"hardware.rules.{axis}={name}: hardware.mesh={{{shown}}} has no such axis"
            )
