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

from lmlab.arch.layer.lora import add_lora, without_lora
from lmlab.batch import Lengths
from lmlab.data.tokenizer.inherit import inherited
from lmlab.hardware import Hardware
from lmlab.io.checkpoint import CheckpointError
from lmlab.io.opened import load_extra, run_folder
from lmlab.io.origin import find_origin
from lmlab.io.weights import load_into
from lmlab.job import read
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan, make_plan, step_sequences

# What a class may wish the vocabulary to have besides `eos`, the least first (lmlab/batch.py).
SPECIALS = ("none", "marks", "sentinels")

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


def cache_dir() -> Path:
    """Where tokenizers and tokenised corpora are kept: $LMLAB_CACHE or ~/.cache/lmlab."""
    return Path(os.environ.get("LMLAB_CACHE") or Path.home() / ".cache" / "lmlab")


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


def build(config: dict[str, Any], folder: Path | None = None) -> Run:
    """Objects of a resolved configuration: data first (it fixes the vocabulary), then the model.

    folder: the run's; a tokenizer kept there by an earlier start of the same run is used again.
    """
    hardware: Hardware = instantiate(config["hardware"])
    hardware.prepare()
    L.seed_everything(config["seed"], verbose=False)
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
    root = Path(config["run"]["root"])
    optim = instantiate(config["optim"])
    if hasattr(optim, "initialize"):
        optim.initialize(arch)
    lineage = load_into(arch, config["init_from"], root, config["arch"])
    if hasattr(arch, "freeze_unused"):
        arch.freeze_unused(getattr(objective, "uses", ()))
    hardware.adapt(arch)
    plan = make_plan(
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
    stage = make_stage(config, makers, arch, objective, plan, tokenizer, data)
    share = hardware.data_rank(rank_of_process())
    torch.manual_seed(config["seed"] + 1_000_003 * share)  # dropout differs by share of the batch
    return Run(config, hardware, tokenizer, data, stage, plan, lineage)


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
) -> Any:
    """The LightningModule, with what its signature names."""
    from lmlab.beside import build_corpus, make_reward  # which import this file

    opener = partial(open_run, root=Path(config["run"]["root"]))
    return supply(
        makers["stage"],
        arch=arch,
        objective=objective,
        optim=instantiate(config["optim"]),
        plan=plan,
        guard=Guard(**config["guard"]),
        tokenizer=tokenizer,
        data=data,
        reward=make_reward(config.get("reward"), tokenizer, opener),
        add_lora=add_lora,
        without_lora=without_lora,
        build_corpus=partial(build_corpus, tokenizer=tokenizer, arch=arch, beside=data),
        open_run=opener,
    )


def _origins(config: dict[str, Any], folder: Path | None) -> list[Path]:
    """Where a tokenizer may have been kept: this run's own folder, or that of `init_from`."""
    places = [] if folder is None else [folder]
    if config["init_from"] is not None:
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


@dataclass(slots=True)
class OpenedRun:
    """An earlier run as a part of this one: a reward model, a reference, a value model.

    arch: with its weights, in evaluation mode; extra: the other tensors of its stage by name
    (`head.weight`); config: as it was resolved; tokenizer: prepared and extended as it was then.
    """

    arch: Any
    extra: dict[str, torch.Tensor]
    config: dict[str, Any]
    tokenizer: Any
    lineage: str


def open_run(name: str, root: Path) -> OpenedRun:
    """A finished run by folder, name, MLflow id or `latest:stage=rm`. Raises: CheckpointError."""
    try:
        folder = run_folder(find_origin(name, root))
    except CheckpointError as error:
        raise CheckpointError(str(error).removeprefix("init_from=")) from error
    config = read(folder / "config.yaml").config
    makers = {group: instantiate(config[group]) for group in MADE}
    tokenizer = make_tokenizer(config, makers, [folder])
    arch = make_arch(config, tokenizer.vocab.size)
    lineage = load_into(arch, name, root)
    tensors = load_extra(folder)
    return OpenedRun(arch.eval(), tensors, config, tokenizer, lineage or name)


def make_arch(config: dict[str, Any], vocab_size: int) -> Any:
    """The architecture alone; under `torch.device("meta")` it costs no memory."""
    node = {key: value for key, value in config["arch"].items() if key != "recipe"}
    factory: partial[Any] = instantiate(node)
    return factory(vocab_size=vocab_size)


def _check_length(seq_len: int, arch: Any) -> None:
    if seq_len > arch.max_seq_len:
        raise ValueError(
            f"data.seq_len={seq_len} is longer than arch.max_seq_len={arch.max_seq_len}; "
            f"set arch.max_seq_len={seq_len} or data.seq_len={arch.max_seq_len}"
        )
