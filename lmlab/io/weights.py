"""Weights of an earlier run as the start of a new one (`init_from`); nothing else is taken over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from lmlab.io.checkpoint import CheckpointError, find_good, step_of, verify
from lmlab.io.tensors import read_tensors

# The name of the architecture inside a stage, and so the beginning of its parameters' names.
PREFIX = "arch."
MAX_LINES = 8


def load_weights(path: Path) -> dict[str, Tensor]:
    """The architecture's weights in a run folder (its newest good checkpoint) or checkpoint folder.

    Raises: CheckpointError when there is no checkpoint, it is damaged, or holds no architecture.
    """
    return _weights_of(_checkpoint_in(path))


def _checkpoint_in(path: Path) -> Path:
    """The verified checkpoint folder that a run folder or a checkpoint folder stands for."""
    if (path / "checkpoints").is_dir():
        found = find_good(path)
        assert found is not None
        return found
    if not path.is_dir():
        raise CheckpointError(f"init_from={path}: no such folder; give a run or checkpoint folder")
    step_of(path)
    verify(path)
    return path


def _weights_of(checkpoint: Path) -> dict[str, Tensor]:
    tensors = read_tensors(checkpoint / "model.safetensors")
    weights = {
        name.removeprefix(PREFIX): tensors[name] for name in tensors if name.startswith(PREFIX)
    }
    if not weights:
        raise CheckpointError(
            f"init_from={checkpoint}: holds no architecture's weights ({PREFIX}*)"
        )
    return weights


def mismatch(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What keeps `found` from being loaded where `expected` stands, in at most 8 lines."""
    lines = [
        f"{name}: shape {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    lines += [f"{name}: missing" for name in expected if name not in found]
    lines += [f"{name}: unexpected" for name in found if name not in expected]
    if len(lines) > MAX_LINES:
        more = len(lines) - (MAX_LINES - 1)
        lines = [*lines[: MAX_LINES - 1], f"and {more} more"]
    return lines


def load_into(arch: nn.Module, init_from: str | None, root: Path) -> str | None:
    """Give `arch` the weights that `init_from` names; returns their origin, <run>/<checkpoint>.

    init_from: a run folder, its name under `root`, an MLflow run id, a checkpoint folder, or None.
    Raises: CheckpointError when it is not found, damaged, or of another shape.
    """
    if init_from is None:
        return None
    checkpoint = _checkpoint_in(find_folder(init_from, root))
    weights = _weights_of(checkpoint)
    lines = mismatch(arch.state_dict(), weights)
    if lines:
        text = "\n".join(f"  {line}" for line in lines)
        raise CheckpointError(
            f"init_from={init_from}: its weights do not fit this architecture:\n{text}\n"
            "use the arch and tokenizer of that run (see its config.yaml)"
        )
    arch.load_state_dict(weights)
    return f"{checkpoint.resolve().parent.parent.name}/{checkpoint.name}"


def find_folder(init_from: str, root: Path) -> Path:
    """The folder meant by a path, by the name of a run under `root`, or by an MLflow run id."""
    for folder in (Path(init_from), root / init_from):
        if folder.is_dir():
            return folder
    for record in sorted(root.glob("*/run.json")):
        if _run_id(record) == init_from:
            return record.parent
    raise CheckpointError(
        f"init_from={init_from}: no such folder, and no run in {root}/ with that name or MLflow id"
    )


def _run_id(record: Path) -> str | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("mlflow_run_id") if isinstance(found, dict) else None
