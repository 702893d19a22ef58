"""A budget made into steps: how much one step is, and how far the run has come."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """One run's arithmetic.

    num_steps: optimizer steps, None when only minutes end the run; minutes: or None;
    step_sequences: sequences of one optimizer step over all devices; micro_sequences: sequences a
    device takes through the model at once; flops_per_token: training, forward and backward.
    """

    num_steps: int | None
    minutes: float | None
    seq_len: int
    step_sequences: int
    micro_sequences: int
    flops_per_token: float

    @property
    def step_tokens(self) -> int:
        """Tokens of one optimizer step, over all devices."""
        return self.step_sequences * self.seq_len

    def progress(self, step: int, elapsed_seconds: float) -> float:
        """How much of the budget is spent, 0..1, after `step` steps."""
        spent = [0.0]
        if self.num_steps:
            spent.append(step / self.num_steps)
        if self.minutes:
            spent.append(elapsed_seconds / (60.0 * self.minutes))
        return min(1.0, max(spent))


def step_sequences(
    *, batch_tokens: int, batch_sequences: int | None, seq_len: int, world_size: int
) -> int:
    """Sequences of one optimizer step over all devices: as asked for, or batch_tokens / seq_len.

    Raises: ValueError for a batch smaller than one sequence a device.
    """
    sequences = batch_sequences or round(batch_tokens / seq_len)
    if sequences < world_size:
        asked = (
            f"batch.sequences={batch_sequences}"
            if batch_sequences
            else f"batch.tokens={batch_tokens}"
        )
        raise ValueError(
            f"{asked} is less than one sequence of {seq_len} tokens for each of "
            f"{world_size} process(es); set batch.tokens={seq_len * world_size} or more"
        )
    return math.ceil(sequences / world_size) * world_size


def make_plan(
    *,
    budget: dict[str, float | None],
    recipe_tokens: int | None,
    sequences: int,
    micro_sequences: int,
    seq_len: int,
    world_size: int,
    flops_per_token: float,
    num_examples: int | None = None,
    num_params: int | None = None,
) -> Plan:
    """Resolve `budget` (tokens, flops, minutes, steps, epochs ...; all None: the recipe's tokens).

    sequences: of one step, see `step_sequences`; num_examples: of one epoch, where data has epochs;
    num_params: without the tables of tokens and positions, what tokens_per_parameter multiplies.
    Raises: ValueError for epochs of data that has none, and when nothing ends the run.
    """
    limits = step_limits(
        budget,
        sequences,
        seq_len,
        flops_per_token,
        num_examples=num_examples,
        num_params=num_params,
    )
    if not limits and budget["minutes"] is None:
        if recipe_tokens is None:
            raise ValueError(
                "no budget: set one of budget.tokens, .flops, .minutes, .steps or .epochs"
            )
        limits.append(recipe_tokens / (sequences * seq_len))
    return Plan(
        num_steps=max(1, math.ceil(min(limits) - 1e-9)) if limits else None,
        minutes=budget["minutes"],
        seq_len=seq_len,
        step_sequences=sequences,
        micro_sequences=min(micro_sequences, sequences // world_size),
        flops_per_token=flops_per_token,
    )


def step_limits(
    budget: dict[str, float | None],
    sequences: int,
    seq_len: int,
    flops_per_token: float,
    *,
    num_examples: int | None,
    num_params: int | None,
) -> list[float]:
    """The steps that each given part of a budget comes to; minutes have none."""
    step_tokens = sequences * seq_len
    limits: list[float] = []
    if budget["tokens"] is not None:
        limits.append(budget["tokens"] / step_tokens)
    ratio = budget.get("tokens_per_parameter")
    if ratio is not None:
        if not num_params:
            raise ValueError(
                f"budget.tokens_per_parameter={ratio:g}: this architecture has no parameters "
                "outside its embeddings; set budget.tokens instead"
            )
        limits.append(ratio * num_params / step_tokens)
    if budget["flops"] is not None:
        limits.append(budget["flops"] / (step_tokens * flops_per_token))
    if budget["steps"] is not None:
        limits.append(budget["steps"])
    if budget["epochs"] is not None:
        if num_examples is None:
            raise ValueError(
                f"budget.epochs={budget['epochs']:g}: this data has no epochs; set budget.tokens, "
                "budget.steps, budget.flops or budget.minutes instead"
            )
        limits.append(budget["epochs"] * num_examples / sequences)
    return limits
