"""One architecture, the rules, and a mesh: every device computes its part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from lmlab.mesh.axes import named_axes
from lmlab.mesh.check import check
from lmlab.mesh.collective import HardwareAxis
from lmlab.mesh.layer import divide, enter_divided
from lmlab.mesh.parameter import Use, divided, use_of
from lmlab.mesh.rules import names_of


def parallelize(arch: nn.Module, mesh: DeviceMesh, rules: Mapping[str, str | None]) -> nn.Module:
    """Divide an architecture by rules, in place: its parameters become DTensors on the whole mesh.

    Before: the same weights on every device. After: `arch(tokens, ...)` takes this device's rows of
    the batch, equal for devices that differ only on other axes than the batch's, and returns whole
    hidden states. Gradients are means over the batch's axis, as under DDP. An axis on the batch's
    hardware axis, or one that no layer can compute a part of (embed), divides storage only: it is
    gathered for each use and whole until backward, and its gradient is scattered (ZeRO 3).
    Raises: ValueError as `check` does.
    Source: rows S1-15, S1-17; Shazeer et al. 2018 (Mesh TensorFlow); Shoeybi et al. 2019; Xu et al.
    2021. Differs: the program is divided at layer boundaries by hand-written pairs of collectives,
    not by a compiler.
    """
    names = mesh.mesh_dim_names
    if names is None:
        raise ValueError("the mesh needs names for its axes (mesh_dim_names)")
    check(arch, dict(zip(names, mesh.shape, strict=True)), rules)
    uses = {one.name: use_of(one, mesh, rules) for one in named_axes(arch).values()}
    made: dict[int, nn.Parameter] = {}
    done: set[int] = set()
    for path, module in list(arch.named_modules()):
        own = {key: value for key, value in module._parameters.items() if value is not None}
        if not own or id(module) in done:
            continue
        done.add(id(module))
        prefix = path + "." if path else ""
        mine = {key: uses[prefix + key] for key in own}
        for key, parameter in own.items():
            if id(parameter) not in made:
                made[id(parameter)] = divided(parameter, mine[key])
            module._parameters[key] = made[id(parameter)]
        divide(module, mine, path, inner=_is_inner(arch, path, mine.get("weight")))
    _enter_layers(arch, mesh, rules)
    return arch


def _is_inner(arch: nn.Module, path: str, weight: Use | None) -> bool:
    """Whether the layer above takes the divided output of this one as it is."""
    if weight is None or 0 not in weight.kept:
        return False
    parent, _, key = path.rpartition(".")
    owner = arch.get_submodule(parent)
    axes = getattr(owner, "axes", {})
    return names_of(axes[key][0])[0] in _inner_names(owner) if key in axes else False


def _inner_names(owner: nn.Module) -> set[str]:
    """Axes that one child of a layer yields and another takes: they never leave it."""
    axes = getattr(owner, "axes", {})
    linear = [
        names for key, names in axes.items() if isinstance(owner._modules.get(key), nn.Linear)
    ]
    yielded = {names_of(names[0])[0] for names in linear if names[0]}
    taken = {names_of(names[1])[0] for names in linear if len(names) > 1 and names[1]}
    return yielded & taken & set(getattr(owner, "splits", ()))


def _enter_layers(arch: nn.Module, mesh: DeviceMesh, rules: Mapping[str, str | None]) -> None:
    for path, module in arch.named_modules():
        targets = {rules.get(name) for name in _inner_names(module)} - {None, rules.get("batch")}
        for target in sorted(str(name) for name in targets):
            enter_divided(module, HardwareAxis(mesh, target), path)


@contextmanager
def gradients_kept_apart(arch: nn.Module) -> Iterator[None]:
    """Inside, gradients that accumulate are not averaged over the batch's axis yet.

    For all micro-batches of a step but the last, whose backward pass then averages the whole sum.
    """
    flags = [use.apart for module in arch.modules() for use in getattr(module, "uses", {}).values()]
    for flag in flags:
        flag[0] = True
    try:
        yield
    finally:
        for flag in flags:
            flag[0] = False
