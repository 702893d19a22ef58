"""What a checkpoint holds besides the architecture: heads and other models of its stage."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from lmlab.io.checkpoint import CheckpointError, find_good
from lmlab.io.checkpoint_io import read_weights
from lmlab.io.weights import PREFIX


def run_folder(origin: Path) -> Path:
    """The run's folder of a run or checkpoint folder. Raises: CheckpointError for another folder."""
    for folder in (origin, origin.parent.parent):
        if (folder / "config.yaml").is_file() and (folder / "checkpoints").is_dir():
            return folder
    raise CheckpointError(f"{origin} is not a run's folder: it has no config.yaml and checkpoints/")


def load_extra(run: Path) -> dict[str, Tensor]:
    """The tensors of a run's newest good checkpoint that are not of its architecture, by name."""
    checkpoint = find_good(run)
    assert checkpoint is not None
    tensors = read_weights(checkpoint)
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(PREFIX)}
