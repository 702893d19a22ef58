"""Lightning saves and loads through this: checkpoint folders of plain types, verified before use."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.plugins import CheckpointIO
from torch import Tensor, nn

from lmlab import __version__
from lmlab.io import sharded
from lmlab.io.checkpoint import CheckpointError, point_to, verify, write
from lmlab.io.plain import plain, tensors_in
from lmlab.io.restore import restore
from lmlab.io.tensors import read_tensors, write_tensors

WEIGHTS, TRAINER, CONFIG = "model.safetensors", "trainer.pt", "config.yaml"


class FolderCheckpointIO(CheckpointIO):
    """`state_dict` as model.safetensors, `config` as config.yaml, all else as trainer.pt.

    Tensors that are divided among processes are in one safetensors file a process instead.
    config_text: what config.yaml holds when the checkpoint brings no `config` of its own.
    """

    def __init__(self, *, config_text: str = "") -> None:
        self.config_text = config_text

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint folder, then make `last` beside it name it.

        Where tensors are divided among processes, all of them call this.
        Raises: CheckpointError for values that are not plain, and when the disk refuses.
        """
        folder = local_path(path)
        if not sharded.is_divided(checkpoint):
            self._write(folder, checkpoint, None)
            return
        tensors, rest = sharded.split(checkpoint)
        share = sharded.Share(tensors)
        if share.rank != 0:
            share.write(None)
            return
        try:
            self._write(folder, rest, share.write)
        finally:
            share.give_up()

    def _write(
        self, folder: Path, checkpoint: dict[str, Any], shares: Callable[[Path], None] | None
    ) -> None:
        inside = ("config",) if shares else ("config", "state_dict")
        rest = {key: checkpoint[key] for key in checkpoint if key not in inside}
        trainer = plain(rest)
        weights = checkpoint["state_dict"]
        text = checkpoint.get("config", self.config_text)
        files: dict[str, Callable[[Path], None]] = {
            TRAINER: partial(torch.save, trainer),
            CONFIG: lambda target: _write_text(target, text),
        }
        if shares is None:
            files = {WEIGHTS: lambda target: write_tensors(target, weights)} | files
        tensors = [*tensors_in(trainer), *([] if shares else tensors_in(dict(weights)))]
        write(
            folder,
            files,
            step=int(checkpoint.get("global_step", 0)),
            versions={"lmlab": __version__, "torch": torch.__version__, "lightning": L.__version__},
            num_bytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
            shares=shares,
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
        checkpoint = self._trainer(folder, map_location)
        if sharded.SHARDED in checkpoint:
            return sharded.joined(folder, checkpoint)
        checkpoint["state_dict"] = read_tensors(folder / WEIGHTS)
        return checkpoint

    def load_into(
        self, path: str | Path, stage: nn.Module, optimizers: list[torch.optim.Optimizer]
    ) -> dict[str, Any]:
        """Fill a stage and its optimizers, divided or not, from any checkpoint; returns the rest.

        A divided tensor reads this process's part only. Raises: CheckpointError as
        `load_checkpoint` does, and when weights do not fit.
        """
        folder = local_path(path)
        checkpoint = self._trainer(folder, "cpu")
        if sharded.SHARDED not in checkpoint:
            checkpoint["state_dict"] = read_tensors(folder / WEIGHTS)
        restore(folder, checkpoint, stage, optimizers)
        return checkpoint

    def _trainer(self, folder: Path, map_location: Any) -> dict[str, Any]:
        """Everything of a verified checkpoint that is not in files of tensors alone."""
        files = verify(folder)["files"]
        missing = {TRAINER, CONFIG} - set(files)
        checkpoint = {} if missing else _load_plain(folder / TRAINER, map_location or "cpu")
        if sharded.SHARDED not in checkpoint and WEIGHTS not in files:
            missing.add(WEIGHTS)
        if missing:
            raise CheckpointError(f"{folder}: {', '.join(sorted(missing))} not in the manifest")
        checkpoint["config"] = (folder / CONFIG).read_text(encoding="utf-8")
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Not used: `lmlab.io.checkpoint.retain` decides what goes."""
        raise CheckpointError(f"{path}: checkpoints are deleted by checkpoint.keep alone")


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All weights of a verified checkpoint folder, whole, on the CPU, by name.

    Raises: CheckpointError when they cannot be read.
    """
    if (folder / WEIGHTS).is_file():
        return read_tensors(folder / WEIGHTS)
    checkpoint = _load_plain(folder / TRAINER, "cpu")
    if sharded.SHARDED not in checkpoint:
        raise CheckpointError(f"{folder}: holds no {WEIGHTS} and no shards")
    return sharded.joined(folder, checkpoint, f"{sharded.WEIGHTS}/")["state_dict"]


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
