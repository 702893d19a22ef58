"""Weights and optimizer states into modules that may be divided, from files that may be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lmlab.io import sharded
from lmlab.io.checkpoint import CheckpointError
from lmlab.io.sharded import OPTIMIZERS, SHARDED, WEIGHTS

Shapes = Mapping[str, tuple[torch.Size, torch.dtype]]


@torch.no_grad()
def restore(
    folder: Path,
    checkpoint: dict[str, Any],
    stage: nn.Module,
    optimizers: list[torch.optim.Optimizer],
) -> None:
    """Fill `stage` and `optimizers` in place with a checkpoint, and take their parts out of it.

    checkpoint: without the divided tensors, which are read from `folder`.
    Raises: CheckpointError for names or shapes that differ.
    """
    shapes = sharded.stored(folder) if SHARDED in checkpoint else {}
    entry = checkpoint.pop(SHARDED, {"tied": {}})
    targets = _weights(folder, checkpoint.pop(WEIGHTS), stage, shapes, entry["tied"])
    states = checkpoint.pop(OPTIMIZERS, [])
    for index, (optimizer, state) in enumerate(zip(optimizers, states, strict=True)):
        targets |= _optimizer(state, optimizer, shapes, f"{OPTIMIZERS}/{index}/")
    if targets:
        sharded.read_into(folder, targets)
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict(state)


def _weights(
    folder: Path,
    whole: Mapping[str, Tensor],
    stage: nn.Module,
    shapes: Shapes,
    tied: Mapping[str, str],
) -> dict[str, Tensor]:
    """Fill what is stored whole; what is stored divided is returned, to be read."""
    targets: dict[str, Tensor] = {}
    own = {name: each.detach() for name, each in stage.state_dict(keep_vars=True).items()}
    there = {name: tensor.shape for name, tensor in whole.items()}
    there |= {
        name.removeprefix(f"{WEIGHTS}/"): size
        for name, (size, _) in shapes.items()
        if name.startswith(f"{WEIGHTS}/")
    }
    there |= {name: there[first] for name, first in tied.items()}
    for name in own.keys() | there.keys():
        if name not in own or name not in there or own[name].shape != there[name]:
            found = tuple(there[name]) if name in there else "missing"
            raise CheckpointError(f"{folder}: {name} is {found} there and not what the run has")
    for name, tensor in own.items():
        if name in whole:
            sharded.put(tensor, whole[name])
        elif name not in tied:
            targets[f"{WEIGHTS}/{name}"] = tensor
    return targets


def _optimizer(
    state: dict[str, Any], optimizer: torch.optim.Optimizer, shapes: Shapes, prefix: str
) -> dict[str, Tensor]:
    """Make room in `state` for what is stored divided, and divide what is stored whole.

    A state tensor with the shape of its parameter is divided as that parameter is.
    """
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    for number, values in state["state"].items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameters[number].shape:
                values[key] = torch.empty_like(parameters[number].detach(), dtype=value.dtype)
                sharded.put(values[key], value)
    targets: dict[str, Tensor] = {}
    for name, (size, dtype) in shapes.items():
        if not name.startswith(prefix):
            continue
        number, key = name.removeprefix(prefix).split("/")
        parameter = parameters[int(number)].detach()
        same = parameter.shape == size
        room = torch.empty_like(parameter, dtype=dtype) if same else torch.empty(size, dtype=dtype)
        state["state"][int(number)][key] = targets[name] = room
    return targets
