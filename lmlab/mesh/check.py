"""Whether rules can work for an architecture on a mesh, said before torch does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from torch import nn

from lmlab.mesh.axes import Named, all_names, named_axes
from lmlab.mesh.rules import Rules, names_of, partition_spec


def check(arch: nn.Module, mesh_shape: Mapping[str, int], rules: Rules) -> None:
    """Every rule names axes that exist, and every tensor divides as they say.

    Raises: ValueError for an unknown axis or hardware axis with the nearest name, for two axes of a
    tensor on one hardware axis, and for an axis that does not divide: which tensor, and why.
    """
    for name, size in mesh_shape.items():
        if size < 1:
            raise ValueError(f"hardware.mesh.{name}={size} must be 1 or more")
    named = named_axes(arch)
    _check_names(all_names(named), mesh_shape, rules)
    for one in named.values():
        _check_tensor(one, mesh_shape, rules)


def _check_names(axes: set[str], mesh_shape: Mapping[str, int], rules: Rules) -> None:
    for axis, target in rules.items():
        if axis not in axes:
            raise ValueError(
                f"hardware.rules.{axis}: no tensor has an axis of this name{_nearest(axis, axes)}"
            )
        if target is not None and target not in mesh_shape:
            raise ValueError(
                f"hardware.rules.{axis}={target}: hardware.mesh has no axis "
                f"{target}{_nearest(target, mesh_shape)}"
            )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"


def _check_tensor(one: Named, mesh_shape: Mapping[str, int], rules: Rules) -> None:
    tensor = f"{one.name} {tuple(one.parameter.shape)}"
    for axis in one.axes:
        for inner in names_of(axis)[1:]:
            if rules.get(inner) is not None:
                raise ValueError(
                    f"hardware.rules.{inner}={rules[inner]}: in {tensor} {inner} lies inside "
                    f"{names_of(axis)[0]}, which alone can be divided; set hardware.rules.{inner}=null"
                )
    spec = partition_spec(one.axes, rules)
    outer = [names_of(axis)[0] if axis else None for axis in one.axes]
    for target in mesh_shape:
        on = [str(name) for name, where in zip(outer, spec, strict=True) if where == target]
        if len(on) > 1:
            raise ValueError(
                f"{tensor}: its axes {' and '.join(on)} are both on hardware axis {target}; a device "
                f"holds one part of each axis, so set hardware.rules.{on[-1]}=null or another axis"
            )
    for name, units, where in zip(outer, one.units, spec, strict=True):
        parts = 1 if where is None else mesh_shape[where]
        computed = where != rules.get("batch")
        if computed and name in one.uneven and units > (parts - 1) * -(-units // parts):
            continue  # the last device has fewer
        if units % parts:
            raise ValueError(
                f"{tensor}: axis {name} has {units} and hardware.mesh.{where}={parts} does not divide "
                f"it; set hardware.mesh.{where} to a divisor of {units}, or hardware.rules.{name}=null"
            )
