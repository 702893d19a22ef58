"""Published weights in an architecture of the same settings. Only safetensors are read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.hf.family import CLASSES, OPTION, family, name_of_model, plain
from lmlab.io.hf.fetch import fetch
from lmlab.io.tensors import read_tensors

ONE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
# Heads of another task, which no architecture here has.
TASK_HEADS = ("classifier.", "qa_outputs.", "score.")
# Settings that the weights do not depend on.
FREE = ("dropout",)
# Families without a table of positions, whose longest sequence is a choice too.
NO_TABLE = ("llama", "t5")


@dataclass(frozen=True, slots=True)
class Published:
    """Weights by our names. optional: beginnings of names that may be missing."""

    weights: dict[str, Tensor]
    optional: tuple[str, ...]
    note: str  # what was left out; empty: nothing


def load(init_from: str, settings: Mapping[str, Any]) -> Published:
    """What hf:FOLDER or hf:NAME holds, for the architecture of these settings (the node `arch`).

    Raises: CheckpointError for a folder that is not what is needed; ValueError for settings that
    are not those of its config.json, with the overrides to type.
    """
    folder = fetch(init_from)
    config = read_config(folder)
    name = name_of_model(config["model_type"])
    names = family(name)
    found = names.arch_config(config)
    compare(init_from, name, found, settings)
    weights = read_weights(folder)
    heads = sorted(key for key in weights if key.startswith(TASK_HEADS))
    kept = {key: weight for key, weight in weights.items() if key not in heads}
    wanted = found | {key: settings[key] for key in free_of(name, names) if key in settings}
    note = f"without {', '.join(heads)}" if heads else ""
    return Published(names.from_hf(kept, wanted), getattr(names, "OPTIONAL", ()), note)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json. Raises: CheckpointError when it is not there or names no model."""
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"init_from=hf:{folder}: {path} is not readable: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("model_type"), str):
        raise CheckpointError(f"init_from=hf:{folder}: {path} names no model_type")
    return found


def free_of(name: str, names: ModuleType) -> tuple[str, ...]:
    """The settings that may differ from those of config.json."""
    length = ("max_seq_len",) if name in NO_TABLE else ()
    return (*FREE, *length, *getattr(names, "FREE", ()))


def compare(
    init_from: str, name: str, found: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Raises: ValueError unless `settings` are those `found`, listing the overrides that do it."""
    if settings["_target_"] != CLASSES[name]:
        raise ValueError(
            f"init_from={init_from}: these are weights of {CLASSES[name]}, and arch is "
            f"{settings['_target_']}; set arch={OPTION[name]}"
        )
    names, ours = family(name), plain(settings)
    try:  # there and back, so that null and what it stands for are the same
        ours = names.arch_config(names.hf_config(ours, 1))
    except ValueError:
        pass
    free = free_of(name, names)
    wrong = {k: v for k, v in found.items() if k not in free and not same(ours.get(k), v)}
    if wrong:
        typed = " ".join(f"arch.{key}={_typed(value)}" for key, value in wrong.items())
        raise ValueError(
            f"init_from={init_from}: its config.json has other settings than arch; add\n  {typed}"
        )


def same(ours: Any, theirs: Any) -> bool:
    """Whether two settings agree; fractions may have been through 32 bits."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-6)
    return bool(ours == theirs)


def _typed(value: Any) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of model.safetensors, or of the files that its index names.

    Raises: CheckpointError when there are none; weights that are pickles are never read.
    """
    if (folder / ONE).is_file():
        return read_tensors(folder / ONE)
    if (folder / INDEX).is_file():
        return _read_parts(folder)
    pickles = sorted(path.name for kind in PICKLES for path in folder.glob(kind))
    if pickles:
        raise CheckpointError(
            f"init_from=hf:{folder}: has {pickles[0]}, which can run code when it is read, and no "
            f"{ONE}; in a place you trust, convert it once: transformers' "
            "AutoModel.from_pretrained(FOLDER).save_pretrained(NEW), and give NEW"
        )
    raise CheckpointError(f"init_from=hf:{folder}: has neither {ONE} nor {INDEX}")


def _read_parts(folder: Path) -> dict[str, Tensor]:
    try:
        places = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
        files = sorted(set(places.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder / INDEX} is not readable: {error}") from error
    for file in files:
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise CheckpointError(f"{folder / INDEX}: {file} is no safetensors file beside it")
    found: dict[str, Tensor] = {}
    for file in files:
        found |= read_tensors(folder / file)
    missing = sorted(set(places) - set(found))
    if missing:
        raise CheckpointError(f"{folder / INDEX}: its files lack {missing[0]}")
    return found
