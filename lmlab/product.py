"""Matrix products of linear layers in fp32 on a CPU: oneDNN's where MKL's are slow.

On AMD processors with AVX-512, MKL keeps to AVX2, and oneDNN, which torch carries too, is about twice
as fast with the same rounding errors (figures in benchmarks/README.md). torch takes it by itself for
bf16 only. Everywhere else, and for everything but whole fp32 tensors on a CPU, these functions are
torch's own. Which one runs depends on the processor and on shapes, never on a measurement, so a run
repeats exactly.
"""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Multiplications below which torch's own product is at least as fast, for its shorter way there.
LEAST = 2**22
LEAST_ROWS = 16


class Linear(nn.Linear):
    """torch's linear layer, x W^T + b, (..., in) to (..., out), by the faster product."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b: x (..., in), weight (out, in), bias (out,) or None; as torch's function of the name."""
    if torch.is_autocast_enabled("cpu") or not _applies(x, weight):
        return F.linear(x, weight, bias)
    learns = any(each is not None and each.requires_grad for each in (x, weight, bias))
    if torch.is_grad_enabled() and learns:
        return _Linear.apply(x, weight, bias)  # type: ignore[no-any-return]
    return _onednn(x, weight, bias)


def product(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """left @ right of two matrices, (N, K) by (K, M), without gradients; may be written into `out`."""
    if _applies(left, right.T):
        return _onednn(left, right.T)
    return torch.mm(left, right, out=out)


class _Linear(torch.autograd.Function):
    """The product and its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return _onednn(x, weight, bias)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        rows = grad.reshape(-1, grad.shape[-1])
        return (
            _onednn(grad, weight.T) if needs_x else None,
            weight_gradient(rows, x.reshape(-1, x.shape[-1])) if needs_weight else None,
            rows.sum(dim=0) if ctx.has_bias and needs_bias else None,
        )


def weight_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """grad^T x, (N, out) and (N, in) to (out, in); the long side of the two is made the rows' own."""
    if grad.shape[1] > x.shape[1]:
        return product(x.T, grad).T
    return product(grad.T, x)


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # type: ignore[no-any-return]


def _applies(x: Tensor, weight: Tensor) -> bool:
    """Whether both are whole fp32 tensors on a CPU that is better served so, and large enough."""
    return (
        not torch.compiler.is_compiling()  # first: a compiler cannot read the rest
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and x.numel() * weight.shape[0] >= LEAST
        and x.numel() >= LEAST_ROWS * weight.shape[1]
        and type(x) in (Tensor, nn.Parameter)
        and type(weight) in (Tensor, nn.Parameter)
        and bool(torch.backends.mkldnn.enabled)
        and _is_faster_here()
    )


@lru_cache(maxsize=1)
def _is_faster_here() -> bool:
    """AMD with AVX-512, and a torch that has both libraries."""
    return (
        torch.backends.mkl.is_available()
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and _vendor() == "AuthenticAMD"
    )


def _vendor() -> str:
    """The processor's maker as it names itself; empty where the system does not say."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("vendor_id"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return "AuthenticAMD" if "AuthenticAMD" in platform.processor() else ""
