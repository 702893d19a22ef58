"""A resolved configuration as the subject of a plan: nothing is read, trained or built in memory."""

from __future__ import annotations

import inspect
from typing import Any

import hydra
import torch

from lmlab.batch import Lengths, Vocab
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.definition import literal
from lmlab.config.place import find_places
from lmlab.layout_of import asked_of
from lmlab.scaling.plan.subject import Recipe, Subject
from lmlab.shape_of import params_of, shape_of
from lmlab.stage.plan import make_plan, step_sequences
from lmlab.undrawn import NothingDrawn
from lmlab.vocabulary import vocabulary

# What is trained where the configured objective does not fit the kind of architecture.
USUAL = {"decoder": "clm", "encoder": "mlm", "encoder_decoder": "span_corruption"}


def subject_of(config: dict[str, Any], choices: dict[str, str]) -> Subject:
    """The run that `config` describes. Raises: ValueError where only data or a clock would end it."""
    arch = arch_of(config)
    seq_len = _seq_len(config, arch)
    objective, node = _objective(config, choices)
    lengths = _lengths(node, arch, seq_len)
    batch = config["batch"]
    recipe = config["arch"]["recipe"]
    asked = batch["sequences"] and batch["sequences"] * seq_len
    return Subject(
        name=str(choices.get("arch")),
        shape=shape_of(arch),
        params=params_of(arch),
        seq_len=seq_len,
        lengths=(lengths.source, lengths.target, lengths.scored),
        objective=objective,
        tokens=_tokens(config, arch, lengths, seq_len),
        batch_tokens=float(asked or batch["tokens"]),
        micro_sequences=int(batch["micro_sequences"]),
        hardware=asked_of(config["hardware"]),
        recipe=Recipe(float(recipe["learning_rate"]), float(recipe["batch_tokens"])),
    )


def other_arch(config: dict[str, Any], choices: dict[str, str], name: str) -> Subject:
    """The same run with another option of `arch`, its recipe's batch and tokens included.

    Sequences are as long as that architecture's, unless they were not in `config`.
    Raises: ConfigError for an option that there is not.
    """
    node = _option("arch", name)
    recipe = node["recipe"]
    budget = dict.fromkeys(config["budget"])
    batch = config["batch"] | {"tokens": recipe["batch_tokens"], "sequences": None}
    changed = config | {"arch": node, "budget": budget, "batch": batch}
    if config["data"].get("seq_len") == config["arch"]["max_seq_len"]:
        changed["data"] = config["data"] | {"seq_len": None}
    return subject_of(changed, choices | {"arch": name})


def arch_of(config: dict[str, Any]) -> Any:
    """The architecture with the run's vocabulary, without memory for its weights."""
    _, node = _objective(config, {})
    return on_meta(config["arch"], vocabulary(config | {"objective": node}).size)


def on_meta(node: dict[str, Any], vocab_size: int) -> Any:
    """The architecture of a checked node without memory for its weights."""
    keys = {key: value for key, value in node.items() if key != "recipe"}
    with torch.device("meta"), NothingDrawn():
        return hydra.utils.instantiate(keys, _convert_="all")(vocab_size=vocab_size)


def _seq_len(config: dict[str, Any], arch: Any) -> int:
    """Tokens of a sequence. Raises: ValueError for more than the architecture takes."""
    longest = int(arch.max_seq_len)
    seq_len = int(config["data"].get("seq_len") or longest)
    if seq_len > longest:
        raise ValueError(
            f"data.seq_len={seq_len} is longer than arch.max_seq_len={longest}; "
            f"set arch.max_seq_len={seq_len} or data.seq_len={longest}"
        )
    return seq_len


def _tokens(config: dict[str, Any], arch: Any, lengths: Lengths, seq_len: int) -> float:
    """Training tokens, by the same arithmetic as a run's."""
    batch = config["batch"]
    sequences = step_sequences(
        batch_tokens=batch["tokens"],
        batch_sequences=batch["sequences"],
        seq_len=seq_len,
        world_size=1,
    )
    flops = arch.flops_per_sequence(lengths.source, lengths.target, lengths.scored)
    plan = make_plan(
        budget=config["budget"],
        recipe_tokens=config["arch"]["recipe"]["tokens"],
        sequences=sequences,
        micro_sequences=batch["micro_sequences"],
        seq_len=seq_len,
        world_size=1,
        flops_per_token=flops / seq_len,
        num_params=sum(p.numel() for p in arch.parameters()) - arch.num_embedding_params(),
    )
    if plan.num_steps is None:
        raise ValueError(
            f"budget.minutes={plan.minutes:g}: a plan says how long a number of tokens takes; set "
            "budget.tokens, .tokens_per_parameter, .flops or .steps, or none for the recipe's"
        )
    return float(plan.num_steps * plan.step_tokens)


def _objective(config: dict[str, Any], choices: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The objective that counts: the usual one, where the configured does not fit the architecture."""
    kind = literal(config["arch"]["_target_"], "kind")
    node = config["objective"]
    if kind in (literal(node["_target_"], "fits") or ()) and _has_lengths(node):
        return str(choices.get("objective")), node
    name = USUAL[str(kind)]
    return name, _option("objective", name)


def _has_lengths(node: dict[str, Any]) -> bool:
    return hasattr(hydra.utils.get_class(node["_target_"]), "lengths")


def _lengths(node: dict[str, Any], arch: Any, seq_len: int) -> Lengths:
    """What an objective makes of a window of seq_len tokens."""
    make = hydra.utils.instantiate(node, _convert_="all")
    size = int(arch.vocab_size)
    vocab = Vocab(size=size, eos=size - 1).with_specials("sentinels")
    supplied = {"vocab": vocab, "kind": arch.kind, "word_starts": None}
    wanted = inspect.signature(make.func).parameters
    lengths: Lengths = make(
        **{key: value for key, value in supplied.items() if key in wanted}
    ).lengths(seq_len)
    return lengths


def _option(group: str, name: str) -> dict[str, Any]:
    composed = Composer(find_places()).compose([f"{group}={name}"])
    node: dict[str, Any] = resolve.plain(composed.cfg)[group]
    return node
