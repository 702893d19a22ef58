"""A trained reward model as a reward, and rewards of any kind for drawn answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lmlab.rollout.answering import Answers
from lmlab.rollout.reward import WeightedSum, checked, rewards_of
from lmlab.rollout.reward_model import model_rewards
from lmlab.rollout.rollout import Rollout

HEAD = "reward_head.linear."


class ModelReward:
    """The reward that a run of stage=rm gives to prompt and response, read at its last token.

    Raises: ValueError for a run without a reward head, or of another tokenizer.
    """

    def __init__(self, *, run: str, open_run: Callable[[str], Any], tokenizer: Any) -> None:
        opened = open_run(run)
        check_tokenizer(opened, tokenizer, f"reward.run={run}")
        self.opened, self.run = opened, run
        self.head = linear_of(opened.extra, HEAD)
        if self.head is None:
            stage = opened.config["stage"]["_target_"].rpartition(".")[2]
            raise ValueError(
                f"reward.run={run}: trained by {stage}, it has no reward head; name a run of stage=rm"
            )
        self.arch = opened.arch.eval().requires_grad_(False)
        self.end = tokenizer.vocab.eos
        self.pad = self.end if tokenizer.vocab.pad is None else tokenizer.vocab.pad

    @torch.no_grad()
    def of_tokens(self, rollout: Rollout, micro_rows: int | None = None) -> Tensor:
        """Rewards (R,) fp32 of the drawn tokens, on their device."""
        device = rollout.response.device
        self.arch.to(device)
        return model_rewards(
            self.arch,
            self.head.to(device),  # type: ignore[union-attr]
            rollout.prompt,
            rollout.prompt_mask,
            rollout.response,
            rollout.mask,
            pad=self.pad,
            source_end=self.end,
            micro_rows=micro_rows,
        )


def judged(reward: Any, answers: Answers, micro_rows: int | None = None) -> Tensor:
    """Rewards (R,) fp32 of the answers, checked to be finite, one each.

    Models read the drawn tokens themselves, all other rewards the texts.
    """
    if isinstance(reward, WeightedSum):
        total = torch.zeros(len(answers.texts), device=answers.rollout.response.device)
        for part in reward.rewards.values():
            if part["weight"] != 0:
                total = total + part["weight"] * judged(part["reward"], answers, micro_rows)
        return total
    if hasattr(reward, "of_tokens"):
        values = reward.of_tokens(answers.rollout, micro_rows)
        checked(values, len(answers.texts), type(reward).__name__)
        return values
    values = rewards_of(reward, answers.prompts, answers.texts, answers.accepted)
    return values.to(answers.rollout.response.device)


def models_in(reward: Any) -> list[ModelReward]:
    """The reward models in a reward or a weighted sum of rewards."""
    if isinstance(reward, WeightedSum):
        return [found for part in reward.rewards.values() for found in models_in(part["reward"])]
    return [reward] if isinstance(reward, ModelReward) else []


def check_tokenizer(opened: Any, tokenizer: Any, setting: str) -> None:
    """Raises: ValueError where a run's tokens do not mean the same as those of this one."""
    if opened.tokenizer.fingerprint != tokenizer.fingerprint:
        raise ValueError(
            f"{setting}: it was trained with another tokenizer "
            f"({opened.tokenizer.fingerprint[:12]}, this run has {tokenizer.fingerprint[:12]}). "
            "Start both from the same run: init_from=RUN hands a run's tokenizer on"
        )
    if opened.arch.vocab_size < tokenizer.vocab.size:
        raise ValueError(
            f"{setting}: its vocabulary has {opened.arch.vocab_size} tokens, this run has "
            f"{tokenizer.vocab.size}: special tokens were added since; train it again from this run's "
            "init_from"
        )


def linear_of(tensors: dict[str, Tensor], prefix: str) -> nn.Module | None:
    """The linear layer to one number whose weight and bias have this prefix; None: not there."""
    weight = tensors.get(prefix + "weight")
    if weight is None:
        return None
    layer = nn.Linear(weight.shape[1], 1)
    layer.load_state_dict({"weight": weight, "bias": tensors[prefix + "bias"]})
    return layer.requires_grad_(False)
