"""Layers that compute their part: the forms that a layer takes when its parameters are divided.

A layer keeps its class's code; its class becomes a subclass made here, whose parameters read as the
plain tensors to compute with while `parameters()` has the DTensors.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.placement_types import Shard

from lmlab.mesh.collective import HardwareAxis, add_up, enter, join
from lmlab.mesh.parameter import Use


class Divided(nn.Module):
    """What the subclasses share: `uses` has how each own parameter is held; label names the layer."""

    uses: dict[str, Use]
    label: str

    def local(self, name: str) -> Tensor | None:
        """An own parameter as a plain tensor; None for one that is not there."""
        parameter = self._parameters[name]
        return None if parameter is None else self.uses[name].local(parameter)


class RowLinear(Divided):
    """A linear layer over a divided input (..., In / n): partial products, added up; then the bias."""

    def forward(self, x: Tensor) -> Tensor:
        axis = self.uses["weight"].kept[1]
        weight, bias = self.local("weight"), self.local("bias")
        result = add_up(F.linear(x, weight), axis, self.label)  # type: ignore[arg-type]
        return result if bias is None else result + bias


class JoinedLinear(Divided):
    """A linear layer (..., In) whose divided output is put together: (..., Out).

    Its weight and bias read as DTensors on the line of devices that divide them, so that a loss can
    work on the parts (lmlab/objective/sharded_cross_entropy.py) and logits need never be joined.
    """

    def forward(self, x: Tensor) -> Tensor:
        axis = self.uses["weight"].kept[0]
        x = enter(x, axis, self.label)
        part = F.linear(x, self.local("weight"), self.local("bias"))  # type: ignore[arg-type]
        return join(part, axis, self.label, self.uses["weight"].shape[0])


class VocabularyEmbedding(Divided):
    """A table divided by rows: each device looks up the rows it has, and all add up."""

    def forward(self, tokens: Tensor) -> Tensor:
        axis, weight = self.uses["weight"].kept[0], self.local("weight")
        assert weight is not None
        own = tokens - axis.rank * -(-self.uses["weight"].shape[0] // axis.size)
        here = (own >= 0) & (own < weight.shape[0])
        found = F.embedding(own.where(here, 0), weight) * here[..., None]
        return add_up(found, axis, self.label)


def _plain(name: str) -> property:
    return property(lambda self: self.local(name))


def _on_line(name: str) -> property:
    def read(self: Divided) -> DTensor | None:
        local = self.local(name)
        if local is None:
            return None
        use = self.uses[name]
        shape = torch.Size((use.shape[0], *local.shape[1:]))
        return DTensor.from_local(
            local, use.kept[0].line, [Shard(0)], run_check=False, shape=shape, stride=local.stride()
        )

    return property(read)


@cache
def _subclass(base: Any, form: Any, names: tuple[str, ...]) -> type:
    read = _on_line if form is JoinedLinear else _plain
    members: dict[str, Any] = {name: read(name) for name in names}
    return type(f"{form.__name__}Of{base.__name__}", (form, base), members)


def divide(module: nn.Module, uses: dict[str, Use], label: str, inner: bool) -> None:
    """Make a module whose own parameters are DTensors compute with its parts, in place.

    inner: its divided output goes to a layer that takes the parts, and is not put together.
    """
    weight = uses.get("weight")
    kept = {} if weight is None else weight.kept
    form: type = Divided
    if isinstance(module, nn.Linear) and 1 in kept:
        form = RowLinear
    elif isinstance(module, nn.Linear) and 0 in kept and not inner:
        form = JoinedLinear
    elif isinstance(module, nn.Embedding) and 0 in kept:
        form = VocabularyEmbedding
    module.uses, module.label = uses, label  # type: ignore[assignment]
    base: Any = type(module)
    module.__class__ = _subclass(base, form, tuple(sorted(module._parameters)))


def enter_divided(module: nn.Module, axis: HardwareAxis, label: str) -> None:
    """Let what a layer is given enter divided work: its tensors that carry a gradient."""

    def hook(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            enter(arg, axis, label) if isinstance(arg, Tensor) and arg.requires_grad else arg
            for arg in args
        )

    module.register_forward_pre_hook(hook)
