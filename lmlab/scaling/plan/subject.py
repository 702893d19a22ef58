"""What a plan is about: a model, what it trains on, and the devices that are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from lmlab.scaling.plan.flops import Checkpointing
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.shape import Shape


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an architecture's own file trains it with: peak learning rate, tokens of a step."""

    learning_rate: float
    batch_tokens: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What `hardware` asks for, whichever device it will be.

    layout: with the precision that bf16 means there, None where hardware names no strategy for
    several devices, or one that no plan knows, then `refusal` says so; accelerator: auto, cpu, gpu or
    tpu; precision: auto, fp32, bf16 or fp8; note: what else a run would say.
    """

    num_devices: int = 1
    layout: Layout | None = None
    refusal: str = ""
    accelerator: str = "auto"
    precision: str = "auto"
    checkpointing: Checkpointing = "none"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A run that is not started, as its configuration says it.

    params: counted, by part; lengths: tokens that an encoder reads, tokens of the only or the
    decoder stack, scored tokens, of one sequence of seq_len; objective: whose lengths these are;
    tokens: of the whole run; micro_sequences: at most, of one pass on one device; recipe: None where
    the architecture has none.
    """

    name: str
    shape: Shape
    params: dict[str, int]
    seq_len: int
    lengths: tuple[int, int, float]
    objective: str
    tokens: float
    batch_tokens: float
    micro_sequences: int
    hardware: Asked = Asked()
    recipe: Recipe | None = None
