"""Linear layers made ready once for a loop of many small products, instead of at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lmlab.product import Linear

# Rows of a product that the packed form is chosen for; other numbers work too, only less fast.
ROWS = 16
# With fewer steps than this, packing costs more than it saves.
FEWEST_STEPS = 8


@contextmanager
def packed(arch: Any, num_steps: int) -> Iterator[None]:
    """Inside, the linear layers of `arch` compute without gradients from prepared weights.

    Under autocast: copies in its dtype, made once (autocast makes them again at every call of a
    frozen layer). On a CPU: oneDNN's own layout too, which makes a product with few rows 1.4 (bf16)
    to 3 times (fp32) as fast. The parameters themselves are not touched, and afterwards, also when
    the block raises, the layers are as they were.
    """
    layers = [module for module in arch.modules() if is_plain(module)]
    if num_steps >= FEWEST_STEPS:
        for layer in layers:
            product = prepared(layer)
            if product is not None:
                layer.__dict__["forward"] = product
    try:
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def is_plain(module: nn.Module) -> bool:
    """Whether a module is a linear layer that nobody has changed, its weight whole on this device."""
    return (
        type(module) in (nn.Linear, Linear)
        and type(module.weight.data) is Tensor
        and "forward" not in module.__dict__
    )


def prepared(layer: nn.Linear) -> Callable[[Tensor], Tensor] | None:
    """The layer's product x (..., in) to (..., out) from prepared weights; None: nothing to gain."""
    weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
    kind = weight.device.type
    autocast = torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if autocast else weight.dtype
    low, low_bias = weight.to(dtype), None if bias is None else bias.to(dtype)
    if can_pack(kind, dtype):
        blocked = torch.ops.mkldnn._reorder_linear_weight(low, ROWS)
        return lambda x: torch.ops.mkldnn._linear_pointwise(
            x.to(dtype), blocked, low_bias, "none", [], ""
        )
    if autocast:
        return lambda x: nn.functional.linear(x.to(dtype), low, low_bias)
    return None


def can_pack(kind: str, dtype: torch.dtype) -> bool:
    """Whether this torch has oneDNN's packed product for the device and dtype."""
    if kind != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if not torch.backends.mkldnn.enabled or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
