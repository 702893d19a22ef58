"""The value model of PPO: how much reward an unfinished answer will get."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from lmlab.rollout.model_reward import check_tokenizer, models_in
from lmlab.stage.reward_head import RewardHead

# The heads that a run may have, by the stage that trained it.
HEADS = ("reward_head.", "critic.head.")


class Critic(nn.Module):
    """V(x, y_<t) before every token of an answer; `arch` None: read from the policy's own states.

    Source: rows S0-26, S0-28.
    """

    def __init__(self, arch: nn.Module | None, head: nn.Module) -> None:
        super().__init__()
        self.arch, self.head = arch, head


def new_head(width: int) -> RewardHead:
    """A head that says 0 to everything."""
    head = RewardHead(width)
    nn.init.zeros_(head.linear.weight)
    return head


def make_critic(
    wanted: str, policy: Any, reward: Any, tokenizer: Any, open_run: Callable[[str], Any]
) -> Critic:
    """The value model that stage.value_from names, ready to train.

    auto: the reward model, where there is one that reads from left to right, else the policy;
    policy: its start weights with a head that says 0; else a run with its reward or value head.
    Raises: ValueError for an encoder, which sees the end of an answer before it is written.
    """
    if wanted == "auto":
        causal = [model for model in models_in(reward) if model.arch.kind != "encoder"]
        if causal:
            return _trainable(causal[0].opened.arch, causal[0].opened.extra)
    if wanted in ("auto", "policy"):
        return Critic(copy.deepcopy(policy), new_head(policy.width))
    opened = open_run(wanted)
    check_tokenizer(opened, tokenizer, f"stage.value_from={wanted}")
    if opened.arch.kind == "encoder":
        raise ValueError(
            f"stage.value_from={wanted}: an encoder sees all of an answer at once and cannot value its "
            "beginning; name a run of a decoder, or stage.value_from=policy"
        )
    return _trainable(opened.arch, opened.extra)


def _trainable(arch: Any, tensors: dict[str, Tensor]) -> Critic:
    """A copy with the head of its run, or a new one where it has none."""
    head = new_head(arch.width)
    for prefix in HEADS:
        own = {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
        if own:
            head.load_state_dict(own)
            break
    return Critic(copy.deepcopy(arch), head).requires_grad_(True).eval()
