"""What a reward is, how its values are checked, and sums of rewards."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor


class Reward(Protocol):
    """Scores texts: one number a response, higher is better.

    prompts, responses and answers have the same length, one entry a response; an answer is the
    reference that a task gives, None where it has none. A reward is deterministic.
    """

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]: ...


def rewards_of(
    reward: Reward, prompts: list[str], responses: list[str], answers: list[str | None]
) -> Tensor:
    """The rewards of the responses, (R,) fp32, checked.

    Raises: ValueError for another number of values, and for values that are not finite numbers.
    """
    values = reward(list(prompts), list(responses), list(answers))
    return torch.tensor(checked(values, len(responses), type(reward).__name__))


def checked(values: Any, count: int, name: str) -> list[float]:
    """`values` as finite floats, one a response. Raises: ValueError, naming the reward."""
    values = values.tolist() if isinstance(values, Tensor) else values
    if not isinstance(values, list | tuple) or len(values) != count:
        size = len(values) if hasattr(values, "__len__") else type(values).__name__
        raise ValueError(
            f"reward {name} returned {size} values for {count} responses; it must return a list "
            "with one number a response"
        )
    for index, value in enumerate(values):
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(
                f"reward {name} returned {value!r} for response {index}; every reward must be a "
                "finite number"
            )
    return [float(value) for value in values]


def needed_answers(answers: list[str | None], name: str) -> list[str]:
    """The answers, where a reward cannot do without. Raises: ValueError for data without them."""
    for index, answer in enumerate(answers):
        if answer is None:
            raise ValueError(
                f"reward={name} compares with an answer, and prompt {index} has none; choose data "
                "with an answer column, or another reward"
            )
    return [answer for answer in answers if answer is not None]


class WeightedSum:
    """The sum of rewards, each times its weight.

    rewards: {name: {reward: ..., weight: ...}}; a weight may be negative (a penalty) or 0 (off).
    """

    def __init__(self, *, rewards: dict[str, dict[str, Any]]) -> None:
        if not rewards:
            raise ValueError("reward.rewards is empty; a weighted sum needs one reward or more")
        for name, part in rewards.items():
            if set(part) != {"reward", "weight"}:
                raise ValueError(
                    f"reward.rewards.{name} needs the keys reward and weight, has {sorted(part)}"
                )
            if not math.isfinite(part["weight"]):
                raise ValueError(f"reward.rewards.{name}.weight={part['weight']} must be finite")
        self.rewards = rewards

    def parts(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> dict[str, list[float]]:
        """The values of every part by name, not yet weighted; those of weight 0 are left out."""
        return {
            name: checked(part["reward"](prompts, responses, answers), len(responses), name)
            for name, part in self.rewards.items()
            if part["weight"] != 0
        }

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]:
        parts = self.parts(prompts, responses, answers)
        return [
            sum(self.rewards[name]["weight"] * values[index] for name, values in parts.items())
            for index in range(len(responses))
        ]
