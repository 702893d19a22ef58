"""An architecture on a mesh as rows of tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from lmlab.mesh.axes import named_axes
from lmlab.mesh.interconnect import Interconnect
from lmlab.mesh.rules import Rules, partition_spec
from lmlab.mesh.traffic import Sent

WHAT = {
    "activation": "activations, forward",
    "its gradient": "their gradients, backward",
    "weight": "weights, gathered to be used",
    "gradient": "gradients of weights",
}


def starred(name: str) -> str:
    """A name with numbers of layers as *: blocks.*.attention.query.weight."""
    return re.sub(r"\b\d+\b", "*", name)


def part_of(where: str) -> str:
    """The layer that a parameter or place belongs to: blocks.*.attention, token_embedding."""
    words = where.split(".")
    if "*" in words:
        return ".".join(words[: words.index("*") + 2])
    return words[0]


def tensor_rows(arch: nn.Module, mesh: Mapping[str, int], rules: Rules) -> list[dict[str, Any]]:
    """Every matrix once, layers of one kind together: names of axes, XLA's spec, one device's part."""
    seen: dict[str, dict[str, Any]] = {}
    for one in named_axes(arch).values():
        if one.parameter.dim() < 2 or starred(one.name) in seen:
            continue
        spec = partition_spec(one.axes, rules)
        sizes = [
            -(-n // mesh[a]) if a else n for n, a in zip(one.parameter.shape, spec, strict=True)
        ]
        seen[starred(one.name)] = {
            "tensor": starred(one.name),
            "axes": ", ".join(axis or "-" for axis in one.axes),
            "shape": "x".join(map(str, one.parameter.shape)),
            "spec": ", ".join(axis or "-" for axis in spec),
            "one device": "x".join(map(str, sizes)),
        }
    return list(seen.values())


def arch_rows(sent: list[Sent], links: Mapping[str, Interconnect]) -> list[dict[str, Any]]:
    """Collectives of a step by layer: how many, what one device sends, how long that takes."""
    groups: dict[tuple[str, str, str, str], list[Sent]] = {}
    for one in sent:
        groups.setdefault((one.what, part_of(one.where), one.kind, one.axis), []).append(one)
    rows = []
    for (what, where, kind, axis), members in groups.items():
        total = sum(one.sent_bytes for one in members)
        rows.append(
            {
                "what": WHAT[what],
                "where": where,
                "collective": f"{kind} over {axis}",
                "times": str(sum(one.times for one in members)),
                "sent": size_text(total),
                "time": time_text(links[axis].seconds(total)),
            }
        )
    order = list(WHAT.values())
    return sorted(rows, key=lambda row: order.index(row["what"]))


def axis_rows(sent: list[Sent], links: Mapping[str, Interconnect]) -> list[dict[str, Any]]:
    """What one device sends along each axis of the mesh, and on which interconnect."""
    rows = []
    for axis, link in links.items():
        total = sum(one.sent_bytes for one in sent if one.axis == axis)
        rows.append(
            {
                "axis": axis,
                "interconnect": f"{link.name}, {link.gbs:g} GB/s",
                "collectives": str(sum(one.times for one in sent if one.axis == axis)),
                "sent": size_text(total),
                "time": time_text(link.seconds(total)),
            }
        )
    return rows


def size_text(num_bytes: float) -> str:
    """Such as 1.54 GB, 12.3 kB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if num_bytes >= unit:
            return f"{num_bytes / unit:.3g} {name}"
    return f"{num_bytes:.0f} B"


def time_text(seconds: float) -> str:
    """Such as 1.2 s, 34 ms, 5.6 us."""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds * 1e6:.3g} us"
