"""What a stage needs beside its own model and data: rewards, and text to pretrain on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lmlab.build import instantiate, supply
from lmlab.objective.clm import CausalLanguageModelling
from lmlab.once import cache_dir
from lmlab.rollout.reward import WeightedSum


def build_corpus(
    make: partial[Any], sequences: int, *, tokenizer: Any, arch: Any, beside: Any
) -> tuple[Any, Any]:
    """Text to pretrain on beside a stage's own data, with its objective: plain next tokens.

    make: as a `data` node gives it; sequences: of one batch over all devices.
    Raises: ValueError for an architecture that is no decoder.
    """
    if arch.kind != "decoder":
        raise ValueError(
            f"stage.variant=ptx predicts the next token of plain text, which needs a decoder; this "
            f"architecture is {arch.kind}. Use stage.variant=kl"
        )
    objective = CausalLanguageModelling(vocab=tokenizer.vocab, z_loss=0.0)
    sequences = -(-sequences // beside.world_size) * beside.world_size
    data = supply(
        make,
        tokenizer=tokenizer,
        window=objective.window(make.keywords["seq_len"]),
        collate=objective.collate,
        kind=arch.kind,
        seed=beside.seed,
        step_sequences=sequences,
        world_size=beside.world_size,
        rank=beside.rank,
        cache_dir=cache_dir(),
    )
    data.prepare()
    return data, objective


def make_reward(node: dict[str, Any] | None, tokenizer: Any, open_run: Callable[[str], Any]) -> Any:
    """The reward that a node names, the models in it opened; None where the stage takes none."""
    return None if node is None else completed(instantiate(node), tokenizer, open_run)


def completed(reward: Any, tokenizer: Any, open_run: Callable[[str], Any]) -> Any:
    """A reward with its models: of itself where it is one, or of the parts of its sum."""
    if isinstance(reward, partial):
        return supply(reward, open_run=open_run, tokenizer=tokenizer)
    if isinstance(reward, WeightedSum):
        for part in reward.rewards.values():
            part["reward"] = completed(part["reward"], tokenizer, open_run)
    return reward
