"""What may stand in a checkpoint: tensors, dict, list, tuple, str, bytes, numbers and None.

Anything else would need code to be read back, and `torch.load(weights_only=True)` runs none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lmlab.io.checkpoint import CheckpointError

_SCALARS = (bool, int, float, str, bytes, type(None))


class NotPlainError(CheckpointError):
    """A value that cannot stand in a checkpoint: a mistake of the program, not of the disk."""


def plain(value: Any, where: str = "checkpoint") -> Any:
    """The same value in plain containers, tensors detached.

    Raises: NotPlainError naming the place and the type of the first value that is not plain.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind in (Tensor, torch.nn.Parameter):
        return value.detach()
    if kind in (dict, OrderedDict):
        return {_key(key, where): plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if kind in (list, tuple):
        return kind(plain(item, f"{where}[{index}]") for index, item in enumerate(value))
    raise NotPlainError(
        f"{where} is a {kind.__module__}.{kind.__qualname__}; a checkpoint holds only tensors, "
        "dict, list, tuple, str, bytes, numbers and None. Convert it where the state is made"
    )


def _key(key: Any, where: str) -> Any:
    if type(key) in _SCALARS:
        return key
    raise NotPlainError(f"{where} has a key of type {type(key).__qualname__}: {key!r}")


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor inside plain containers."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
