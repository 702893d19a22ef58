"""Earlier runs as parts of this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lmlab.ancestors import Ancestors, attention_of
from lmlab.build import MADE, instantiate, make_arch, make_tokenizer
from lmlab.io.checkpoint import CheckpointError
from lmlab.io.opened import load_extra, run_folder
from lmlab.io.origin import find_origin
from lmlab.io.weights import load_into
from lmlab.job import read


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
    arch.prefix_attention = arch.kind == "decoder" and attention_of(folder)
    tensors = load_extra(folder)
    return OpenedRun(arch.eval(), tensors, config, tokenizer, lineage or name)


class Opener:
    """`open_run` for models that are a part of the stage's state, and so of its checkpoints.

    runs: what has to be known of each run that was opened to make its model anew; known: of an
    earlier start, whose checkpoint has the weights: its runs are not looked for, only their shapes.
    """

    def __init__(self, root: Path, tokenizer: Any, known: Ancestors | None) -> None:
        self.root, self.tokenizer = root, tokenizer
        self.known = {} if known is None else known.runs
        self.runs: dict[str, dict[str, Any]] = {}

    def __call__(self, name: str) -> OpenedRun:
        if name not in self.known:
            opened = open_run(name, self.root)
            self.runs[name] = {
                "arch": opened.config["arch"],
                "vocab_size": opened.arch.vocab_size,
                "prefix_attention": opened.arch.prefix_attention,
            }
            return opened
        about = self.known[name]
        arch = make_arch(about, about["vocab_size"]).eval()
        arch.prefix_attention = about["prefix_attention"]
        return OpenedRun(arch, {}, {"arch": about["arch"]}, self.tokenizer, name)
