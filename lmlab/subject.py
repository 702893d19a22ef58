"""A resolved configuration as the subject of a plan: nothing is read, trained or built in memory."""

from __future__ import annotations

import inspect
from typing import Any

import hydra
import torch
from torch.overrides import TorchFunctionMode

from lmlab.batch import Lengths, Vocab
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.scaling.plan.subject import Subject
from lmlab.shape_of import params_of, shape_of
from lmlab.stage.plan import make_plan, step_sequences

# What is trained where the configured objective does not fit the kind of architecture.
USUAL = {"decoder": "clm", "encoder": "mlm", "encoder_decoder": "span_corruption"}
BYTES_VOCABULARY, GPT2_VOCABULARY = 257, 50257


class NothingDrawn(TorchFunctionMode):
    """Random starts are left out: torch would load its compiler (a second) to draw on meta."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "trunc_normal_"):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def subject_of(config: dict[str, Any], choices: dict[str, str]) -> Subject:
    """The run that `config` describes. Raises: ValueError where only data or a clock would end it."""
    vocab_size = vocabulary_size(config["tokenizer"])
    arch = on_meta(config["arch"], vocab_size)
    seq_len = int(arch.max_seq_len)
    chosen = str(choices.get("objective")), config["objective"]
    objective, lengths = _lengths(chosen, arch.kind, seq_len, vocab_size)
    hardware = config["hardware"]
    return Subject(
        name=str(choices.get("arch")),
        shape=shape_of(arch),
        params=params_of(arch),
        seq_len=seq_len,
        lengths=(lengths.source, lengths.target, lengths.scored),
        objective=objective,
        tokens=_tokens(config, arch, lengths, seq_len),
        batch_tokens=float(config["batch"]["tokens"]),
        micro_sequences=int(config["batch"]["micro_sequences"]),
        num_devices=int(hardware.get("devices", 1)) * int(hardware.get("nodes", 1)),
        strategy=str(hardware.get("strategy", "auto")),
    )


def other_arch(config: dict[str, Any], choices: dict[str, str], name: str) -> Subject:
    """The same run with another option of `arch`, its recipe's batch and tokens included.

    Raises: ConfigError for an option that there is not.
    """
    node = _option("arch", name)
    recipe = node["recipe"]
    budget = dict.fromkeys(config["budget"])
    batch = config["batch"] | {"tokens": recipe["batch_tokens"], "sequences": None}
    changed = config | {"arch": node, "budget": budget, "batch": batch}
    return subject_of(changed, choices | {"arch": name})


def on_meta(node: dict[str, Any], vocab_size: int) -> Any:
    """The architecture of a checked node without memory for its weights."""
    keys = {key: value for key, value in node.items() if key != "recipe"}
    with torch.device("meta"), NothingDrawn():
        return hydra.utils.instantiate(keys, _convert_="all")(vocab_size=vocab_size)


def vocabulary_size(node: dict[str, Any]) -> int:
    """Tokens of a tokenizer by its settings alone; GPT-2's where only its file would tell."""
    if node.get("size"):
        return int(node["size"])
    return BYTES_VOCABULARY if node["_target_"].endswith(".Bytes") else GPT2_VOCABULARY


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


def _lengths(
    chosen: tuple[str, dict[str, Any]], kind: str, seq_len: int, vocab_size: int
) -> tuple[str, Lengths]:
    """The objective that counts, and what it makes of a window of seq_len tokens."""
    name, node = chosen
    make = hydra.utils.instantiate(node, _convert_="all")
    if kind not in make.func.fits or not hasattr(make.func, "lengths"):
        name = USUAL[kind]
        make = hydra.utils.instantiate(_option("objective", name), _convert_="all")
    vocab = Vocab(size=vocab_size, eos=vocab_size - 1).with_specials("sentinels")
    supplied = {"vocab": vocab, "kind": kind, "word_starts": None}
    wanted = inspect.signature(make.func).parameters
    objective = make(**{key: value for key, value in supplied.items() if key in wanted})
    return name, objective.lengths(seq_len)


def _option(group: str, name: str) -> dict[str, Any]:
    composed = Composer(find_places()).compose([f"{group}={name}"])
    node: dict[str, Any] = resolve.plain(composed.cfg)[group]
    return node
