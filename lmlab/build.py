"""The only file that turns a checked configuration into objects."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hydra
import lightning as L
import torch

from lmlab.hardware import Hardware
from lmlab.io.weights import load_into
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan, make_plan


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


def build(config: dict[str, Any]) -> Run:
    """Objects of a resolved configuration: data first (it fixes the vocabulary), then the model."""
    hardware: Hardware = instantiate(config["hardware"])
    hardware.prepare()
    L.seed_everything(config["seed"], verbose=False)
    tokenizer = instantiate(config["tokenizer"])
    make_data = instantiate(config["data"])
    make_objective = instantiate(config["objective"])
    source, seq_len = make_data.keywords["source"], make_data.keywords["seq_len"]
    tokenizer = tokenizer.prepare(source, cache_dir())
    objective = make_objective(vocab=tokenizer.vocab)
    arch = make_arch(config, tokenizer.vocab.size)
    _check_length(seq_len, arch)
    plan = make_plan(
        budget=config["budget"],
        recipe_tokens=config["arch"]["recipe"]["tokens"],
        batch_tokens=config["batch"]["tokens"],
        micro_sequences=config["batch"]["micro_sequences"],
        seq_len=seq_len,
        world_size=hardware.world_size,
        flops_per_token=arch.flops_per_token(seq_len),
    )
    data = make_data(
        tokenizer=tokenizer,
        window=objective.window(seq_len),
        collate=objective.collate,
        seed=config["seed"],
        step_sequences=plan.step_sequences,
        world_size=hardware.world_size,
        rank=rank_of_process(),
        cache_dir=cache_dir(),
    )
    data.prepare()
    lineage = load_into(arch, config["init_from"], Path(config["run"]["root"]))
    if hardware.compile:
        arch.compile()
    stage = instantiate(config["stage"])(
        arch=arch,
        objective=objective,
        optim=instantiate(config["optim"]),
        plan=plan,
        guard=Guard(**config["guard"]),
        tokenizer=tokenizer,
    )
    torch.manual_seed(config["seed"] + 1_000_003 * rank_of_process())  # dropout differs by rank
    return Run(config, hardware, tokenizer, data, stage, plan, lineage)


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
