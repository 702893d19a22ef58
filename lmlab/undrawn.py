"""Modules made without drawing their random starts, for the meta device."""

from __future__ import annotations

from typing import Any

from torch.overrides import TorchFunctionMode

DRAWS = ("normal_", "uniform_", "trunc_normal_", "kaiming_uniform_")


class NothingDrawn(TorchFunctionMode):
    """Random starts are left out: there is no memory to draw into.

    torch would load its compiler (a second) to draw on meta.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))
