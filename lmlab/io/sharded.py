"""Tensors that are divided among processes: each writes its part, any number of them reads it back.

The files are safetensors, written and read by torch.distributed.checkpoint; nothing is pickled.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from lmlab.io.checkpoint import CheckpointError

# The entry of a checkpoint that says which of its tensors are in files of their own.
SHARDED = "lmlab_sharded"
# What torch raises: the error of one process, or those of all, which is no Exception.
FAILURES = (Exception, CheckpointException)
WEIGHTS, OPTIMIZERS = "state_dict", "optimizer_states"


def split(checkpoint: Mapping[str, Any]) -> tuple[dict[str, DTensor], dict[str, Any]]:
    """The divided tensors of a checkpoint by name, and the checkpoint without them.

    Names are `state_dict/<name>` and `optimizer_states/<optimizer>/<parameter>/<name>`. Names of
    one and the same weight are kept once; the entry SHARDED has the others, and all in order.
    """
    divided: dict[str, DTensor] = {}
    rest = dict(checkpoint)
    weights = checkpoint[WEIGHTS]
    firsts: dict[int, str] = {}
    tied: dict[str, str] = {}
    for name, tensor in weights.items():
        first = firsts.setdefault(id(tensor), name)
        if first != name:
            tied[name] = first
        elif isinstance(tensor, DTensor):
            divided[f"{WEIGHTS}/{name}"] = tensor.detach()  # type: ignore[assignment]
    rest[WEIGHTS] = {
        name: tensor.detach()
        for name, tensor in weights.items()
        if name not in tied and not isinstance(tensor, DTensor)
    }
    states = checkpoint.get(OPTIMIZERS, [])
    rest[OPTIMIZERS] = [_without(state, index, divided) for index, state in enumerate(states)]
    rest[SHARDED] = {"tied": tied, "order": list(weights)}
    return divided, rest


def _without(state: dict[str, Any], index: int, divided: dict[str, DTensor]) -> dict[str, Any]:
    kept: dict[Any, dict[str, Any]] = {}
    for parameter, values in state["state"].items():
        kept[parameter] = {}
        for name, value in values.items():
            if isinstance(value, DTensor):
                divided[f"{OPTIMIZERS}/{index}/{parameter}/{name}"] = value
            else:
                kept[parameter][name] = value
    return state | {"state": kept}


def is_divided(checkpoint: Mapping[str, Any]) -> bool:
    """Whether some of its weights are divided among processes."""
    return any(isinstance(tensor, DTensor) for tensor in checkpoint[WEIGHTS].values())


class Share:
    """This process's part of a checkpoint that all processes write together."""

    def __init__(self, tensors: Mapping[str, DTensor]) -> None:
        self.tensors, self.rank = dict(tensors), dist.get_rank()
        self._begun = False

    def write(self, folder: Path | None) -> None:
        """Write into the folder that process 0 names. Raises: CheckpointError on all alike."""
        self._begun = True
        where = [None if folder is None else str(folder)]
        dist.broadcast_object_list(where, src=0)
        if where[0] is None:
            raise CheckpointError("process 0 could not begin to write the checkpoint")
        try:
            writer = HuggingFaceStorageWriter(where[0], save_distributed=True)
            dcp.save(dict(self.tensors), storage_writer=writer)
        except FAILURES as error:
            raise CheckpointError(f"a process could not write its part: {_first(error)}") from error

    def give_up(self) -> None:
        """Let the others go on, if process 0 failed before it could name a folder."""
        if not self._begun:
            self._begun = True
            dist.broadcast_object_list([None], src=0)


def _first(error: BaseException) -> str:
    """What went wrong, of an error that gathers those of several processes."""
    found = getattr(error, "failures", None)
    if found:
        rank, (inner, _) = next(iter(found.items()))
        return f"process {rank}: {inner}"
    return str(error)


def stored(folder: Path) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Shape and dtype of every divided tensor of a checkpoint folder."""
    try:
        metadata = HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    except FAILURES as error:
        raise CheckpointError(f"{folder}: its shards cannot be read: {error}") from error
    return {name: (each.size, each.properties.dtype) for name, each in sorted(metadata.items())}  # type: ignore[union-attr]


def read_into(folder: Path, targets: Mapping[str, Tensor]) -> None:
    """Fill tensors, divided ones or not, in place with what is stored under their names.

    Raises: CheckpointError for names that are not there and shapes that differ.
    """
    try:
        with warnings.catch_warnings():  # that no processes are waited for is on purpose
            warnings.simplefilter("ignore")
            reader = HuggingFaceStorageReader(str(folder))
            dcp.load(dict(targets), storage_reader=reader, no_dist=True)
    except FAILURES as error:
        raise CheckpointError(f"{folder}: its shards do not fit: {_first(error)}") from error


def gathered(folder: Path, prefix: str = "") -> dict[str, Tensor]:
    """The whole tensors whose names begin with `prefix`, on the CPU."""
    targets = {
        name: torch.empty(size, dtype=dtype)
        for name, (size, dtype) in stored(folder).items()
        if name.startswith(prefix)
    }
    read_into(folder, targets)
    return targets


def put(target: Tensor, whole: Tensor) -> None:
    """Copy a whole tensor, or this process's part of it, into `target` in place."""
    if not isinstance(target, DTensor):
        target.copy_(whole)
        return
    shape, offset = compute_local_shape_and_global_offset(
        target.shape, target.device_mesh, target.placements
    )
    part = tuple(slice(at, at + size) for at, size in zip(offset, shape, strict=True))
    target.to_local().copy_(whole[part])


def joined(folder: Path, rest: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The checkpoint as one process would have written it: whole tensors, every name.

    prefix: of the names that are read; the others stay out.
    """
    entry = rest.pop(SHARDED)
    weights = dict(rest[WEIGHTS])
    for name, tensor in gathered(folder, prefix).items():
        kind, _, inner = name.partition("/")
        if kind == WEIGHTS:
            weights[inner] = tensor
        else:
            index, parameter, key = inner.split("/")
            rest[OPTIMIZERS][int(index)]["state"][int(parameter)][key] = tensor
    weights |= {name: weights[first] for name, first in entry["tied"].items()}
    rest[WEIGHTS] = {name: weights[name] for name in entry["order"]}
    return rest
