"""The names that layers give to the axes of their parameters, collected over an architecture.

A layer says `axes`: for each parameter, or child whose weight and bias are meant (a bias has the
first of the names), a name a dimension; `splits`: the axes it can compute a part of; and `uneven`:
those of them whose last part may be smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from lmlab.mesh.rules import Axes, names_of


@dataclass(frozen=True, slots=True)
class Named:
    """A parameter with the names of its axes.

    units: how many indivisible pieces each dimension has (a dimension of heads has heads);
    splits: names whose part of this parameter computes its part of the result; uneven: names whose
    last part may be smaller.
    """

    name: str
    parameter: nn.Parameter
    axes: Axes
    units: tuple[int, ...]
    splits: tuple[str, ...]
    uneven: tuple[str, ...] = ()


def named_axes(arch: nn.Module) -> dict[str, Named]:
    """Every parameter by its full name; a shared one under each of its names.

    Raises: ValueError for a parameter whose dimensions are not those its layer names, and for one
    without names inside a layer that names the others' (an adapter): that layer could not be split.
    """
    declared: dict[str, Named] = {}
    named_children: set[str] = set()
    for path, module in arch.named_modules(remove_duplicate=False):
        prefix = path + "." if path else ""
        for key, axes in getattr(module, "axes", {}).items():
            child = getattr(module, key, None)
            if isinstance(child, nn.Parameter):
                declared[prefix + key] = _named(prefix + key, child, axes, module)
            elif isinstance(child, nn.Module):
                named_children.add(prefix + key)
                for leaf, names in (("weight", axes), ("bias", axes[:1])):
                    parameter = child._parameters.get(leaf)
                    if parameter is not None:
                        name = f"{prefix}{key}.{leaf}"
                        declared[name] = _named(name, parameter, names, module)
    found = {}
    for name, parameter in arch.named_parameters(remove_duplicate=False):
        if name in declared:
            found[name] = declared[name]
            continue
        if name.rpartition(".")[0] in named_children:
            raise ValueError(
                f"{name} has no axis names, and its layer is divided by name; train it without a mesh"
            )
        axes = (None,) * parameter.dim()
        found[name] = Named(name, parameter, axes, tuple(parameter.shape), ())
    return found


def _named(name: str, parameter: nn.Parameter, axes: Axes, owner: nn.Module) -> Named:
    if len(axes) != parameter.dim():
        raise ValueError(f"{name} is {tuple(parameter.shape)}, and its layer names {axes}")
    units = []
    for size, axis in zip(parameter.shape, axes, strict=True):
        for inner in names_of(axis)[1:]:
            size //= int(getattr(owner, inner))
        units.append(size)
    splits, uneven = (tuple(getattr(owner, key, ())) for key in ("splits", "uneven"))
    return Named(name, parameter, axes, tuple(units), splits, uneven)


def all_names(named: dict[str, Named]) -> set[str]:
    """The names that a rule may have: those of parameters, and the batch's."""
    inside = {name for one in named.values() for axis in one.axes for name in names_of(axis)}
    return inside | {"batch"}
