"""The only file that turns a checked configuration into objects."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hydra
import lightning as L
import torch

from lmlab.ancestors import Ancestors, ancestors_of, keep, sees_prompts
from lmlab.arch.layer.lora import add_lora, without_lora
from lmlab.batch import SPECIALS, Lengths
from lmlab.data.tokenizer.inherit import FOLDER as KEPT
from lmlab.data.tokenizer.inherit import inherited
from lmlab.hardware import Hardware
from lmlab.io.origin import find_origin
from lmlab.io.weights import load_into
from lmlab.once import cache_dir
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan, make_plan, step_sequences

# Settings of an architecture that count something it cannot be without.
SIZES = (
    "width",
    "num_layers",
    "num_heads",
    "num_kv_heads",
    "head_width",
    "ff_width",
    "max_seq_len",
)

# Groups whose objects are completed here, because they need one another.
MADE = ("data", "objective", "stage")


@dataclass(slots=True)
class Run:
    """Everything a run consists of, before a Trainer exists."""

    config: dict[str, Any]
    hardware: Hardware
    tokenizer: Any
    data: Any
    stage: Any
    plan: Plan
    lineage: str | None


def rank_of_process() -> int:
    """This process's rank, as torchrun or SLURM tell it; 0 for a run of one process."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0")))


def instantiate(node: dict[str, Any]) -> Any:
    """The object (or partial) that a checked node names; plain containers inside."""
    return hydra.utils.instantiate(node, _convert_="all")


def supply(make: partial[Any], **available: Any) -> Any:
    """The object of a partial, given those of `available` that its signature names."""
    wanted = keywords(make.func)
    return make(**{name: value for name, value in available.items() if name in wanted})


def keywords(function: Any) -> set[str]:
    """The names a function or class takes; with `**more`, those of the next base class too."""
    names: set[str] = set()
    for each in inspect.getmro(function) if inspect.isclass(function) else (function,):
        if inspect.isclass(each) and "__init__" not in vars(each):
            continue
        found = inspect.signature(each).parameters.values()
        names |= {p.name for p in found}
        if not any(p.kind is p.VAR_KEYWORD for p in found):
            break
    return names


def build(config: dict[str, Any], folder: Path | None = None, restored: bool = False) -> Run:
    """Objects of a resolved configuration: data first (it fixes the vocabulary), then the model.

    folder: the run's; a tokenizer kept there by an earlier start of the same run is used again.
    restored: weights will come from a checkpoint of it, so that the runs it started from are not
    opened again, except those of rewards, which no checkpoint holds.
    """
    known = ancestors_of(folder) if restored else None
    hardware: Hardware = instantiate(config["hardware"])
    hardware.prepare()
    L.seed_everything(config["seed"], verbose=False)
    # Lightning would seed all processes alike again with it.
    os.environ.pop("PL_GLOBAL_SEED", None)
    makers = {group: instantiate(config[group]) for group in MADE}
    seq_len = makers["data"].keywords["seq_len"]
    tokenizer = make_tokenizer(config, makers, _origins(config, folder))
    arch = make_arch(config, tokenizer.vocab.size)
    _check_length(seq_len, arch)
    objective = make_objective(makers, tokenizer, arch)
    sequences = step_sequences(
        batch_tokens=config["batch"]["tokens"],
        batch_sequences=config["batch"]["sequences"],
        seq_len=seq_len,
        world_size=hardware.data_size,
    )
    data = make_data(makers, tokenizer, objective, arch.kind, config["seed"], hardware, sequences)
    optim = instantiate(config["optim"])
    if hasattr(optim, "initialize"):
        optim.initialize(arch)
    lineage = _begin(arch, config, makers, known)
    if hasattr(arch, "freeze_unused"):
        arch.freeze_unused(getattr(objective, "uses", ()))
    hardware.adapt(arch)
    plan = _plan(config, arch, objective, data, sequences, hardware)
    from lmlab.opened import Opener  # which imports this file

    opener = Opener(Path(config["run"]["root"]), tokenizer, known)
    stage = make_stage(config, makers, arch, objective, plan, tokenizer, data, opener)
    if known is None and folder is not None and rank_of_process() == 0:
        keep(Ancestors(lineage, arch.prefix_attention, opener.runs), folder)
    share = hardware.data_rank(rank_of_process())
    torch.manual_seed(config["seed"] + 1_000_003 * share)  # dropout differs by share of the batch
    return Run(config, hardware, tokenizer, data, stage, plan, lineage)


def _begin(
    arch: Any, config: dict[str, Any], makers: dict[str, Any], known: Ancestors | None
) -> str | None:
    """Give an architecture the weights of `init_from`, unless a checkpoint will; their origin.

    Sets how it reads prompts, which the rooms `rollout` and `stage` ask for.
    """
    if known is not None:
        arch.prefix_attention = known.prefix_attention
        return known.lineage
    arch.prefix_attention = sees_prompts(config, arch.kind, makers["stage"].func)
    return load_into(arch, config["init_from"], Path(config["run"]["root"]), config["arch"])


def _plan(
    config: dict[str, Any], arch: Any, objective: Any, data: Any, sequences: int, hardware: Hardware
) -> Plan:
    """The budget in steps, for what is built."""
    seq_len = config["data"]["seq_len"]
    return make_plan(
        budget=config["budget"],
        recipe_tokens=config["arch"]["recipe"]["tokens"],
        sequences=sequences,
        micro_sequences=config["batch"]["micro_sequences"],
        seq_len=seq_len,
        world_size=hardware.data_size,
        flops_per_token=flops_per_sequence(arch, objective, seq_len) / seq_len,
        num_examples=getattr(data, "num_train_examples", None),
        num_params=sum(p.numel() for p in arch.parameters()) - arch.num_embedding_params(),
    )


def make_tokenizer(config: dict[str, Any], makers: dict[str, Any], origins: list[Path]) -> Any:
    """The tokenizer, ready: kept in one of `origins`, or made; with the special tokens wished for."""
    tokenizer = inherited(instantiate(config["tokenizer"]), origins)
    tokenizer = tokenizer.prepare(makers["data"].keywords["source"], cache_dir())
    return tokenizer.extend(tokenizer.vocab.with_specials(wished_specials(makers)))


def make_objective(makers: dict[str, Any], tokenizer: Any, arch: Any) -> Any:
    """The objective for this vocabulary and kind of architecture."""
    return supply(
        makers["objective"],
        vocab=tokenizer.vocab,
        kind=arch.kind,
        word_starts=getattr(tokenizer, "word_starts", None),
    )


def make_data(
    makers: dict[str, Any],
    tokenizer: Any,
    objective: Any,
    kind: str,
    seed: int,
    hardware: Hardware,
    sequences: int,
) -> Any:
    """The data module, prepared: tokenised, or read."""
    seq_len = makers["data"].keywords["seq_len"]
    data = supply(
        makers["data"],
        tokenizer=tokenizer,
        window=objective.window(seq_len) if hasattr(objective, "window") else None,
        collate=getattr(objective, "collate", None),
        kind=kind,
        seed=seed,
        step_sequences=sequences,
        world_size=hardware.data_size,
        rank=hardware.data_rank(rank_of_process()),
        cache_dir=cache_dir(),
    )
    data.prepare()
    return data


def make_stage(
    config: dict[str, Any],
    makers: dict[str, Any],
    arch: Any,
    objective: Any,
    plan: Plan,
    tokenizer: Any,
    data: Any,
    opener: Any,
) -> Any:
    """The LightningModule, with what its signature names."""
    from lmlab.beside import build_corpus, make_reward  # which import this file
    from lmlab.opened import open_run

    return supply(
        makers["stage"],
        arch=arch,
        objective=objective,
        optim=instantiate(config["optim"]),
        plan=plan,
        guard=Guard(**config["guard"]),
        tokenizer=tokenizer,
        data=data,
        reward=make_reward(config.get("reward"), tokenizer, partial(open_run, root=opener.root)),
        add_lora=add_lora,
        without_lora=without_lora,
        build_corpus=partial(build_corpus, tokenizer=tokenizer, arch=arch, beside=data),
        open_run=opener,
    )


def _origins(config: dict[str, Any], folder: Path | None) -> list[Path]:
    """Where a tokenizer may have been kept: this run's own folder, or that of `init_from`."""
    places = [] if folder is None else [folder]
    if config["init_from"] is not None and not (folder and (folder / KEPT).is_dir()):
        places.append(find_origin(config["init_from"], Path(config["run"]["root"])))
    return places


def wished_specials(makers: dict[str, partial[Any]]) -> Any:
    """The largest vocabulary that one of the classes wishes for."""
    wishes = [getattr(make.func, "specials", "none") for make in makers.values()]
    return max(wishes, key=SPECIALS.index)


def flops_per_sequence(arch: Any, objective: Any, seq_len: int) -> float:
    """Training arithmetic of one sequence, by what the objective makes of it."""
    if hasattr(objective, "lengths"):
        lengths = objective.lengths(seq_len)
    else:
        lengths = Lengths(source=0, target=seq_len, scored=0.0)
    return arch.flops_per_sequence(lengths.source, lengths.target, lengths.scored)


def make_arch(config: dict[str, Any], vocab_size: int) -> Any:
    """The architecture alone; under `torch.device("meta")` it costs no memory."""
    node = {key: value for key, value in config["arch"].items() if key != "recipe"}
    for key in SIZES:
        if isinstance(node.get(key), int) and node[key] < 1:
            raise ValueError(f"arch.{key}={node[key]} must be 1 or more")
    factory: partial[Any] = instantiate(node)
    return factory(vocab_size=vocab_size)


def _check_length(seq_len: int, arch: Any) -> None:
    if seq_len > arch.max_seq_len:
        raise ValueError(
            f"data.seq_len={seq_len} is longer than arch.max_seq_len={arch.max_seq_len}; "
            f"set arch.max_seq_len={seq_len} or data.seq_len={arch.max_seq_len}"
        )
