"""Drawn answers as a table for people, and how they are drawn."""

from __future__ import annotations

from torch import Tensor

from lmlab.rollout.answering import Answers
from lmlab.rollout.pick import Sampling

SHOWN = 12  # answers that are kept to be read


def shown(answers: Answers, rewards: Tensor, gold: list[float] | None) -> list[dict[str, str]]:
    """The first answer to each of the first prompts, with its reward (R,) and gold reward."""
    groups = answers.rollout.group.tolist()
    rows = [groups.index(group) for group in dict.fromkeys(groups)][:SHOWN]
    return [
        {
            "prompt": answers.prompts[row],
            "continuation": answers.texts[row],
            "reward": f"{float(rewards[row]):.4g}",
            "gold": "" if gold is None else f"{gold[row]:.4g}",
        }
        for row in rows
    ]


def plain_sampling(
    max_new_tokens: int, temperature: float, setting: str = "stage.temperature"
) -> Sampling:
    """Draws from the model's own distribution at a temperature, with nothing filtered.

    setting: what the temperature is called. Raises: ValueError for what cannot be drawn.
    """
    check_counts(max_new_tokens=max_new_tokens)
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"{setting}={temperature} must be 0 or more")
    return Sampling(
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=None,
        top_p=None,
        repetition_penalty=1.0,
    )


def check_counts(**counts: int) -> None:
    """Raises: ValueError for a setting of the stage below 1."""
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"stage.{name}={value} must be 1 or more")
