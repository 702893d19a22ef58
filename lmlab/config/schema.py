"""The sections of config.yaml that no class stands behind. Read as text, like every signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Root:
    """The plain settings at the top."""

    seed: int
    debug: bool
    init_from: str | None


@dataclass(frozen=True, slots=True)
class Budget:
    """When a run ends; whole numbers may be written as 1e9."""

    tokens: int | float | None
    tokens_per_parameter: int | float | None
    flops: int | float | None
    minutes: int | float | None
    steps: int | None
    epochs: int | float | None


@dataclass(frozen=True, slots=True)
class Batch:
    """How many tokens or sequences a step has, and how many sequences fit a device."""

    tokens: int
    sequences: int | None
    micro_sequences: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """When checkpoints are written and how many stay."""

    every_steps: int | None
    keep: int


@dataclass(frozen=True, slots=True)
class Guard:
    """What happens to bad and to suspicious steps."""

    spike: Literal["skip", "rewind", "none"]
    spike_sigma: float
    spike_window: int
    rewind_steps: int
    rewind_skip_batches: int
    max_bad_steps: int


@dataclass(frozen=True, slots=True)
class Run:
    """Where runs are kept and what this one is called."""

    root: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Sweep:
    """How the jobs of a sweep are made and what happens when one fails."""

    grid: Literal["product", "zip"] | None
    resume: str | None
    dry: bool
    fail_fast: bool
    retries: int
    trials: int | None
    metric: str
    maximize: bool
    sampler: Literal["tpe", "random"]
    prune: Literal["median", "halving"] | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """The record at the head of an experiment; sweep and stages make it many jobs."""

    question: str
    source: str
    expect: str
    cost: str
    believed_blocked_by: str | None = None
    sweep: dict[str, Any] | None = None
    stages: list[dict[str, Any]] | None = None
    figure: dict[str, Any] | None = None
    ranking: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a published size is trained with."""

    learning_rate: float
    batch_tokens: int
    tokens: int


SECTIONS = {
    "budget": "Budget",
    "batch": "Batch",
    "checkpoint": "Checkpoint",
    "guard": "Guard",
    "run": "Run",
    "sweep": "Sweep",
    "experiment": "Experiment",
}

# Settings that must be above 0 when they are set.
POSITIVE = (
    "budget.tokens",
    "budget.tokens_per_parameter",
    "budget.flops",
    "budget.minutes",
    "budget.steps",
    "budget.epochs",
    "batch.tokens",
    "batch.sequences",
    "batch.micro_sequences",
    "checkpoint.every_steps",
    "checkpoint.keep",
    "guard.spike_sigma",
    "guard.spike_window",
    "guard.rewind_steps",
    "guard.rewind_skip_batches",
    "guard.max_bad_steps",
    "sweep.trials",
    "arch.recipe.learning_rate",
    "arch.recipe.batch_tokens",
    "arch.recipe.tokens",
)

# A setting that does nothing unless another one has one of these values.
EFFECTIVE_WITH: dict[str, tuple[str, tuple[str, ...]]] = {
    "guard.spike_sigma": ("guard.spike", ("skip", "rewind")),
    "guard.spike_window": ("guard.spike", ("skip", "rewind")),
    "guard.rewind_steps": ("guard.spike", ("rewind",)),
    "guard.rewind_skip_batches": ("guard.spike", ("rewind",)),
}
