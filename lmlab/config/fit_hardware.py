"""Stages and optimizers that a way of sharing the hardware cannot train, by what their classes say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmlab.config.definition import literal
from lmlab.config.needs import needs_model
from lmlab.config.node import Problem


def hardware_problems(tree: Mapping[str, Any]) -> list[Problem]:
    """One sentence for each, before anything is built.

    Read of classes: a stage's `needs_whole_model`, `trains` and `trains_head` (kinds of architecture
    beside which it trains a head), an optimizer's `num_optimizers`; of hardware `divides_model`,
    `takes_heads` and `one_optimizer`.
    """
    if not needs_model(tree):
        return []
    return [*_untrained(tree), *_whole_model(tree), *_heads(tree), *_optimizers(tree)]


def _literal(tree: Mapping[str, Any], group: str, name: str) -> Any:
    node = tree.get(group)
    return literal(node.get("_target_"), name) if isinstance(node, Mapping) else None


def _names(tree: Mapping[str, Any]) -> tuple[str, str]:
    """The stage's class, and the strategy as it is typed."""
    stage = str(tree["stage"]["_target_"]).rpartition(".")[2]
    return stage, f"hardware={tree['hardware'].get('strategy')}"


def _problem(text: str, hint: str) -> list[Problem]:
    return [Problem("hardware", text, has_value=False, hint=hint)]


def _untrained(tree: Mapping[str, Any]) -> list[Problem]:
    node = tree.get("hardware") or {}
    processes = node.get("devices", 1) * node.get("nodes", 1)
    if _literal(tree, "stage", "trains") is not False or processes == 1:
        return []
    stage, _ = _names(tree)
    text = f"stage {stage} trains nothing and runs in one process, and these are {processes}"
    return _problem(text, "hardware=auto")


def _whole_model(tree: Mapping[str, Any]) -> list[Problem]:
    divided = _literal(tree, "hardware", "divides_model")
    if not (divided and _literal(tree, "stage", "needs_whole_model")):
        return []
    stage, strategy = _names(tree)
    text = f"stage {stage} needs the whole model in every process, and {strategy} divides it"
    return _problem(text, "hardware=ddp")


def _heads(tree: Mapping[str, Any]) -> list[Problem]:
    kinds = _literal(tree, "stage", "trains_head") or ()
    kind = _literal(tree, "arch", "kind")
    if kind not in kinds or _literal(tree, "hardware", "takes_heads") is not False:
        return []
    stage, strategy = _names(tree)
    text = (
        f"stage {stage} trains a head beside its {kind}, and {strategy} lays out architectures only"
    )
    return _problem(text, "hardware=fsdp2 or hardware=ddp")


def _optimizers(tree: Mapping[str, Any]) -> list[Problem]:
    number = _literal(tree, "optim", "num_optimizers") or 1
    if number == 1 or not _literal(tree, "hardware", "one_optimizer"):
        return []
    optim = str(tree["optim"]["_target_"]).rpartition(".")[2]
    _, strategy = _names(tree)
    text = f"optimizer {optim} is {number} optimizers, and {strategy} takes one"
    return _problem(text, "optim=adamw or hardware=fsdp2")
