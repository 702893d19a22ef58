"""fp8 matrix products through torchao, which is an extra and needs a recent GPU."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import nn

FP8_PRECISION = "bf16-mixed"  # what is not a matrix product stays bf16
MULTIPLE = 16  # both sides of an fp8 product must be multiples of this
NOT_CONVERTED = ("unembedding",)  # the loss reads its weight itself


def check_fp8(accelerator: str) -> None:
    """Raises: ValueError where fp8 cannot be had, saying what is missing."""
    if accelerator != "gpu":
        raise ValueError(
            f"hardware.precision=fp8 needs a GPU of compute capability 8.9 (L4, H100) or later, and "
            f"this run is on {accelerator}; use hardware.precision=bf16"
        )
    if find_spec("torchao") is None:
        raise ValueError(
            "hardware.precision=fp8 needs torchao: pip install 'lmlab[fp8]', or use "
            "hardware.precision=bf16"
        )
    capability = torch.cuda.get_device_capability()
    if capability < (8, 9):
        raise ValueError(
            f"hardware.precision=fp8 needs compute capability 8.9 (L4, H100) or later, and "
            f"{torch.cuda.get_device_name()} has {capability[0]}.{capability[1]}; use "
            "hardware.precision=bf16"
        )


def fits_fp8(module: nn.Module, name: str) -> bool:
    """Whether a layer's products are made in fp8: linear, sizes that divide, not the unembedding."""
    if not isinstance(module, nn.Linear) or name.rpartition(".")[2] in NOT_CONVERTED:
        return False
    return module.in_features % MULTIPLE == 0 and module.out_features % MULTIPLE == 0


def convert_to_fp8(arch: nn.Module) -> None:
    """Replace the linear layers that fit by fp8 ones, in place; parameters keep their names."""
    from torchao.float8 import convert_to_float8_training  # type: ignore[import-not-found]

    convert_to_float8_training(arch, module_filter_fn=fits_fp8)
