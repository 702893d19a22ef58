"""Lightning saves and loads through this: checkpoint folders of plain types, verified before use."""

from __future__ import annotations

import pickle
import re
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.plugins import CheckpointIO

from lmlab import __version__
from lmlab.io.checkpoint import CheckpointError, point_to, verify, write
from lmlab.io.plain import plain, tensors_in
from lmlab.io.tensors import read_tensors, write_tensors

WEIGHTS, TRAINER, CONFIG = "model.safetensors", "trainer.pt", "config.yaml"


class FolderCheckpointIO(CheckpointIO):
    """`state_dict` as model.safetensors, `config` as config.yaml, all else as trainer.pt.

    config_text: what config.yaml holds when the checkpoint brings no `config` of its own.
    """

    def __init__(self, *, config_text: str = "") -> None:
        self.config_text = config_text

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint folder, then make `last` beside it name it.

        Raises: CheckpointError for values that are not plain, and when the disk refuses.
        """
        folder = local_path(path)
        rest = {key: checkpoint[key] for key in checkpoint if key not in ("state_dict", "config")}
        trainer = plain(rest)
        weights = checkpoint["state_dict"]
        text = checkpoint.get("config", self.config_text)
        tensors = [*tensors_in(trainer), *tensors_in(dict(weights))]
        write(
            folder,
            {
                WEIGHTS: lambda target: write_tensors(target, weights),
                TRAINER: partial(torch.save, trainer),
                CONFIG: lambda target: _write_text(target, text),
            },
            step=int(checkpoint.get("global_step", 0)),
            versions={"lmlab": __version__, "torch": torch.__version__, "lightning": L.__version__},
            num_bytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        )
        try:
            point_to(folder)
        except OSError as error:
            raise CheckpointError(
                f"{folder} is written, but not {folder.parent}/last: {error}"
            ) from error

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """The checkpoint as it was given to `save_checkpoint`, tensors on the CPU.

        Raises: CheckpointError for addresses, damage, and files that would run code when read.
        """
        if weights_only is False:
            raise CheckpointError(
                f"{path}: checkpoints are only ever loaded with weights_only=True"
            )
        folder = local_path(path)
        files = verify(folder)["files"]
        missing = {WEIGHTS, TRAINER, CONFIG} - set(files)
        if missing:
            raise CheckpointError(f"{folder}: {', '.join(sorted(missing))} not in the manifest")
        checkpoint = _load_plain(folder / TRAINER, map_location or "cpu")
        checkpoint["state_dict"] = read_tensors(folder / WEIGHTS)
        checkpoint["config"] = (folder / CONFIG).read_text(encoding="utf-8")
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Not used: `lmlab.io.checkpoint.retain` decides what goes."""
        raise CheckpointError(f"{path}: checkpoints are deleted by checkpoint.keep alone")


def local_path(path: str | Path) -> Path:
    """The path, unless it is an address of the network."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", str(path)):
        raise CheckpointError(
            f"{path}: checkpoints are loaded from local folders only; copy it first"
        )
    return Path(path)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _load_plain(path: Path, map_location: Any) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location=map_location, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path}: refused, it is not made of plain types only ({reason})"
        ) from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: holds a {type(found).__name__}, not a checkpoint")
    return found
