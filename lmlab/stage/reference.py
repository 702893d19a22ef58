"""The policy that another one is kept near to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from lmlab.rollout.model_reward import check_tokenizer


class Reference(nn.Module):
    """A frozen model, or the policy itself with its adapters off (`model` None).

    The model is a part of the stage's state: a run that resumes has it whatever became of where it
    came from.
    """

    def __init__(self, model: nn.Module | None, without_lora: Callable[[nn.Module], Any]) -> None:
        super().__init__()
        self.model, self.without_lora = model, without_lora

    @contextmanager
    def of(self, policy: nn.Module) -> Iterator[Any]:
        """The model to run inside."""
        if self.model is not None:
            yield self.model
            return
        with self.without_lora(policy):
            yield policy


def make_reference(
    name: str | None,
    policy: nn.Module,
    tokenizer: Any,
    open_run: Callable[[str], Any],
    without_lora: Callable[[nn.Module], Any],
    adapted: bool,
) -> Reference:
    """The reference that stage.reference names: a run, or None for the start weights.

    adapted: the policy is its start weights and adapters, so that no copy of them is needed.
    Raises: ValueError for a run of another tokenizer.
    """
    if name is not None:
        opened = open_run(name)
        check_tokenizer(opened, tokenizer, f"stage.reference={name}")
        return Reference(opened.arch.eval().requires_grad_(False), without_lora)
    if adapted:
        return Reference(None, without_lora)
    return Reference(copy.deepcopy(policy).eval().requires_grad_(False), without_lora)


def adapt(
    policy: nn.Module,
    rank: int | None,
    alpha: float | None,
    targets: list[str] | None,
    add_lora: Callable[[nn.Module, int, float, list[str]], int],
) -> bool:
    """Put adapters of this rank on the policy; False for None. Raises: ValueError for no effect."""
    if rank is None:
        if alpha is not None or targets is not None:
            raise ValueError(
                "stage.lora_alpha and stage.lora_targets have no effect with stage.lora_rank=null; "
                "set stage.lora_rank=8 or leave them null"
            )
        return False
    if rank < 1:
        raise ValueError(f"stage.lora_rank={rank} must be 1 or more, or null")
    add_lora(policy, rank, 2.0 * rank if alpha is None else alpha, targets or ["query", "value"])
    return True
