"""Named tensors to and from one safetensors file; tied tensors are stored once, under each name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lmlab.io.checkpoint import CheckpointError

_TIED = "lmlab.tied"


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a file; names of one tensor are kept in its metadata as {other: first}."""
    firsts: dict[Any, str] = {}
    tied: dict[str, str] = {}
    storages: set[int] = set()
    kept: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if type(tensor).__name__ not in ("Tensor", "Parameter"):
            raise CheckpointError(f"state_dict[{name!r}] is a {type(tensor).__name__}, no tensor")
        first = firsts.setdefault(_place(name, tensor), name)
        if first != name:
            tied[name] = first
            continue
        storage = tensor.untyped_storage().data_ptr()
        overlaps = storage in storages
        storages.add(storage)
        tensor = tensor.detach()
        kept[name] = (tensor.clone() if overlaps else tensor).cpu().contiguous()
    save_file(kept, path, metadata={"format": "pt", _TIED: json.dumps(tied, sort_keys=True)})
    path.chmod(path.parent.stat().st_mode & 0o666)  # save_file leaves it to its owner alone


def _place(name: str, tensor: Tensor) -> Any:
    """What two names of one and the same tensor have in common; empty tensors share nothing."""
    if tensor.numel() == 0:
        return name
    strides = tuple(tensor.stride())
    return tensor.device, tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), strides


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file on the CPU, tied ones under each of their names.

    Raises: CheckpointError when it is no safetensors file.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = file.keys()
            found = {name: file.get_tensor(name) for name in names}
            tied = json.loads((file.metadata() or {}).get(_TIED, "{}"))
            return found | {name: found[first] for name, first in tied.items()}
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file: {error}") from error
