"""Which accelerator, precision and arithmetic a plan takes from what `hardware` asks for."""

from __future__ import annotations

from dataclasses import replace

from lmlab.scaling.plan.accelerator import Accelerator, Number, accelerator
from lmlab.scaling.plan.memory import Layout, Precision
from lmlab.scaling.plan.subject import Asked

DEFAULT = {"auto": "H100", "gpu": "H100", "tpu": "TPU_v4"}


def default_device(asked: Asked) -> Accelerator:
    """H100, or TPU_v4 for a TPU. Raises: ValueError for a CPU, whose rate no table has."""
    if asked.accelerator not in DEFAULT:
        raise ValueError(
            f"hardware.accelerator={asked.accelerator} is no accelerator of a plan; set stage.device, "
            "such as stage.device=H100, or let sweep.dry=true estimate the run on this machine"
        )
    return accelerator(DEFAULT[asked.accelerator])


def check_device(device: Accelerator, asked: Asked) -> None:
    """Raises: ValueError for a GPU where hardware asks for a TPU, and the other way round."""
    is_tpu = device.name.startswith("TPU")
    if asked.accelerator in ("gpu", "tpu") and is_tpu != (asked.accelerator == "tpu"):
        other = DEFAULT[asked.accelerator]
        raise ValueError(
            f"stage.device={device.name} with hardware.accelerator={asked.accelerator}: set "
            f"stage.device={other} or another {asked.accelerator.upper()}, or other hardware"
        )


def precision_of(asked: Asked, device: Accelerator) -> str:
    """fp32, bf16 or fp8, as a run on this device would take `auto`."""
    if asked.precision == "auto":
        return "bf16" if device.has_bf16 else "fp32"
    return asked.precision


def in_precision(
    layout: Layout, asked: Asked, device: Accelerator, wanted: Precision | None
) -> Layout:
    """The layout with what a plan asks for, else with hardware's precision; fp8 keeps bf16's bytes."""
    if wanted is None and precision_of(asked, device) == "fp32":
        wanted = "fp32"
    return layout if wanted is None else replace(layout, precision=wanted)


def arithmetic_of(asked: Asked, device: Accelerator, wanted: Precision | None) -> Number:
    """Whose peak rate counts: that of the precision."""
    if wanted is not None:
        return "fp32" if wanted == "fp32" else "bf16"
    known: dict[str, Number] = {"fp32": "fp32", "fp8": "fp8"}
    return known.get(precision_of(asked, device), "bf16")
