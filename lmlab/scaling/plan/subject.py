"""What a plan is about: a model, what it trains on, and the devices that are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from lmlab.scaling.plan.shape import Shape


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an architecture's own file trains it with: peak learning rate, tokens of a step."""

    learning_rate: float
    batch_tokens: float


@dataclass(frozen=True, slots=True)
class Subject:
    """A run that is not started, as its configuration says it.

    params: counted, by part; lengths: tokens that an encoder reads, tokens of the only or the
    decoder stack, scored tokens, of one sequence of seq_len; objective: whose lengths these are;
    tokens: of the whole run; strategy: by hardware, such as auto or ddp;
    recipe: None where the architecture has none.
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
    num_devices: int
    strategy: str
    recipe: Recipe | None = None
