"""What must change when a model grows, beside its size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lmlab.scaling.plan.accelerator import Accelerator
from lmlab.scaling.plan.candidate import smallest_layout
from lmlab.scaling.plan.memory import BYTES
from lmlab.scaling.plan.shape import Shape, num_params
from lmlab.scaling.plan.subject import Recipe

# GPT-3, table 2.1 (row S3-51): parameters, peak learning rate, batch in tokens.
GPT3 = (
    (125e6, 6.0e-4, 0.5e6),
    (350e6, 3.0e-4, 0.5e6),
    (760e6, 2.5e-4, 0.5e6),
    (1.3e9, 2.0e-4, 1e6),
    (2.7e9, 1.6e-4, 1e6),
    (6.7e9, 1.2e-4, 2e6),
    (13e9, 1.0e-4, 2e6),
    (175e9, 0.6e-4, 3.2e6),
)
# Llama 3 (2024) section 3.3.4: 419 unexpected stops in 54 days on 16,384 devices.
DEVICE_HOURS_BETWEEN_FAILURES = 54 * 24 * 16384 / 419


# Bytes a parameter of a checkpoint: weights and Adam's state in single precision.
CHECKPOINT_BYTES = BYTES["bf16_mixed"][0] + BYTES["bf16_mixed"][3]
WHY = {
    "peak learning rate": "larger models need smaller steps",
    "batch": "the gradient's noise falls with the loss, which allows larger batches",
    "precision": "16-bit products are an order faster; bf16 keeps the range of single precision",
    "sharding": "the simplest that fits a device's memory at one sequence a data copy",
    "checkpoint every": "loses the least work: sqrt(2 x time to save x time between failures)",
    "expected between failures": "as Llama 3 was stopped, 419 times in 54 days on 16,384 devices",
    "loss spikes": "PaLM section 5.1: they come with size and do not always pass by themselves",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One setting from a small run to a large one, and why."""

    setting: str
    small: str
    large: str
    why: str


def from_table(params: float, column: int) -> float:
    """GPT-3's learning rate (1) or batch (2) for a size, on lines between the sizes of its table."""
    logs = np.log(np.array(GPT3))
    return float(np.exp(np.interp(math.log(params), logs[:, 0], logs[:, column])))


def checkpoint_minutes(save_minutes: float, num_devices: int) -> float:
    """The interval that loses least: sqrt(2 x save time x time between failures). Source: Young 1974."""
    between = 60.0 * DEVICE_HOURS_BETWEEN_FAILURES / num_devices
    return math.sqrt(2.0 * save_minutes * between)


def what_changes(
    small: Shape,
    large: Shape,
    device: Accelerator,
    *,
    small_devices: int = 1,
    large_devices: int = 1,
    small_recipe: Recipe | None = None,
    large_recipe: Recipe | None = None,
    seq_len: int = 2048,
    save_gbs: float = 2.0,
) -> list[Change]:
    """Settings that a larger model needs otherwise than a smaller one. Source: row S1-22.

    small_recipe, large_recipe: of the architectures' own files; None takes GPT-3's table, and every
    learning rate and batch says which it is. save_gbs: 1e9 bytes a second that all devices together
    write checkpoints with.
    """
    before = settings(small, device, small_devices, seq_len, save_gbs, small_recipe)
    after = settings(large, device, large_devices, seq_len, save_gbs, large_recipe)
    return [Change(name, before[name], after[name], why) for name, why in WHY.items()]


def settings(
    shape: Shape,
    device: Accelerator,
    num_devices: int,
    seq_len: int,
    save_gbs: float,
    recipe: Recipe | None = None,
) -> dict[str, str]:
    """The settings of WHY for one size, as text."""
    size = float(num_params(shape))
    save = checkpoint_minutes(size * CHECKPOINT_BYTES / save_gbs / 6e10, num_devices)
    spikes = size > 1e10 or shape.num_layers >= 48
    used = recipe or Recipe(from_table(size, 1), from_table(size, 2))
    source = "its recipe" if recipe else _place_in_table(size)
    return {
        "peak learning rate": f"{used.learning_rate:.2g} ({source})",
        "batch": f"{used.batch_tokens:,.0f} tokens ({source})",
        "precision": "fp32 or bf16_mixed" if size < 1e8 else "bf16_mixed",
        "sharding": smallest_layout(shape, device, num_devices, seq_len),
        "checkpoint every": f"{save:.0f} minutes",
        "expected between failures": f"{DEVICE_HOURS_BETWEEN_FAILURES / num_devices:.0f} hours",
        "loss spikes": "rewind and skip batches" if spikes else "skip the step",
    }


def _place_in_table(size: float) -> str:
    """How GPT-3's table is read for a size; beyond its ends it says nothing and its end is taken."""
    if size < GPT3[0][0]:
        return "GPT-3's table, its smallest size"
    return "GPT-3's table" if size <= GPT3[-1][0] else "GPT-3's table, its largest size"
