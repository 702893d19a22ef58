"""A run folder as a finished training leaves it, made without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from lmlab.batch import Vocab
from lmlab.build import make_arch
from lmlab.config import run_folder
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.inherit import keep
from lmlab.job import read
from tests.io.tiny import saved

SMALL = ["arch.num_layers=2", "arch.width=32", "arch.num_heads=2", "tokenizer=bytes"]


def finished_run(
    root: Path, *overrides: str, tokenizer: Any = None, specials: Any = "none"
) -> Path:
    """Composed of SMALL and `overrides`, random weights, the tokenizer kept; one checkpoint."""
    composed = Composer(find_places()).compose([*SMALL, *overrides, f"run.root={root}"])
    folder = run_folder.create(composed.cfg, composed.choices, composed.overrides)
    tokenizer = tokenizer or Bytes()
    tokenizer.extend(tokenizer.vocab.with_specials(specials))
    keep(tokenizer, folder)
    arch = random_arch(folder, tokenizer.vocab)
    state = {f"arch.{name}": tensor for name, tensor in arch.state_dict().items()}
    saved(folder / "checkpoints", 1, state_dict=state)
    (folder / "checkpoints" / "last").write_text("step-00000001\n")
    return folder


def random_arch(folder: Path, vocab: Vocab, seed: int = 0) -> nn.Module:
    """The architecture of a run, every parameter moved away from where it starts."""
    torch.manual_seed(seed)
    arch = make_arch(read(folder / "config.yaml").config, vocab.size)
    with torch.no_grad():
        for parameter in arch.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return arch.eval()
