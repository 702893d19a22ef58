"""Weights of an earlier run as the start of a new one (`init_from`); nothing else is taken over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lmlab.io.checkpoint import CheckpointError, find_good, step_of, verify
from lmlab.io.checkpoint_io import read_weights
from lmlab.io.hf.fetch import HUB
from lmlab.io.hf.load import load
from lmlab.io.lora import without_adapters
from lmlab.io.origin import find_folder

# The name of the architecture inside a stage, and so the beginning of its parameters' names.
PREFIX = "arch."
# Weights with a row for each token.
VOCABULARY = ("token_embedding.weight", "unembedding.weight", "unembedding.bias")
MAX_LINES = 8


def load_weights(path: Path) -> dict[str, Tensor]:
    """The architecture's weights in a run folder (its newest good checkpoint) or checkpoint folder.

    Raises: CheckpointError when there is no checkpoint, it is damaged, or holds no architecture.
    """
    return _weights_of(checkpoint_in(path))


def checkpoint_in(path: Path) -> Path:
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
    tensors = read_weights(checkpoint)
    weights = {
        name.removeprefix(PREFIX): tensors[name] for name in tensors if name.startswith(PREFIX)
    }
    if not weights:
        raise CheckpointError(
            f"init_from={checkpoint}: holds no architecture's weights ({PREFIX}*)"
        )
    return without_adapters(weights)


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


def load_into(
    arch: nn.Module, init_from: str | None, root: Path, settings: Mapping[str, Any] | None = None
) -> str | None:
    """Give `arch` the weights that `init_from` names; returns their origin, <run>/<checkpoint>.

    init_from: a run folder, its name under `root`, an MLflow run id, a checkpoint folder,
    latest:GROUP=OPTION,..., hf:FOLDER, hf:NAME on the hub, or None; settings: the node `arch`, for
    published weights. A vocabulary of another size keeps its first rows, which the origin says.
    Raises: CheckpointError when it is not found, damaged, or of another shape.
    """
    if init_from is None:
        return None
    expected = arch.state_dict()
    if init_from.startswith(HUB):
        published = load(init_from, settings or {})
        weights, notes = with_missing(expected, published.weights, published.optional)
        origin, notes = init_from, [published.note, *notes]
    else:
        checkpoint = checkpoint_in(find_folder(init_from, root))
        weights, notes = _weights_of(checkpoint), []
        origin = f"{checkpoint.resolve().parent.parent.name}/{checkpoint.name}"
    weights, resized = with_vocabulary(expected, weights)
    lines = mismatch(expected, weights)
    if lines:
        text = "\n".join(f"  {line}" for line in lines)
        raise CheckpointError(
            f"init_from={init_from}: its weights do not fit this architecture:\n{text}\n"
            "use the arch and tokenizer of that run (see its config.yaml)"
        )
    arch.load_state_dict(weights)
    said = "; ".join(note for note in (*notes, resized) if note)
    return f"{origin} ({said})" if said else origin


def with_missing(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], optional: tuple[str, ...]
) -> tuple[dict[str, Tensor], list[str]]:
    """`found`, and of what it lacks the optional part as it was initialised; which that is."""
    lacking = [name for name in expected if name not in found and name.startswith(optional)]
    if not optional or not lacking:
        return dict(found), []
    parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in lacking))
    filled = dict(found) | {name: expected[name] for name in lacking}
    return filled, [f"{parts} as initialised"]


def with_vocabulary(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], str]:
    """`found` with as many rows for tokens as expected, and what was done in words.

    A tokenizer is extended at its end: old rows keep their places, new ones stay as initialised,
    and where there are fewer tokens now the first rows are taken.
    """
    resized, said = dict(found), ""
    for name in VOCABULARY:
        if name not in expected or name not in found:
            continue
        new, old = expected[name], found[name]
        if len(new) == len(old) or new.shape[1:] != old.shape[1:]:
            continue
        rows = min(len(new), len(old))
        resized[name] = torch.cat((old[:rows].to(new.dtype), new[rows:]))
        what = f"{len(new) - rows} new rows" if len(new) > rows else f"its first {rows} rows"
        said = f"vocabulary of {len(old)} tokens, here {len(new)}: {what}"
    return resized, said
