"""What a run came from, kept in its folder at the first start: it resumes without its origins."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from lmlab.config.run_folder import dump
from lmlab.durable import replace_text
from lmlab.io.checkpoint import CheckpointError
from lmlab.io.hf.fetch import HUB
from lmlab.io.opened import run_folder
from lmlab.io.origin import LATEST, find_folder
from lmlab.job import Job, read

FILE = "origins.json"
# The settings that name a run, wherever they stand.
NAMING = ("init_from", "run", "reference", "value_from")


@dataclass(slots=True)
class Ancestors:
    """lineage: what the weights started from, None: random; prefix_attention: how they read prompts.

    runs: of every other run whose weights a checkpoint of this one holds (a reference, a value
    model), by the name it was opened by: `arch` (its node), `vocab_size` and `prefix_attention`.
    """

    lineage: str | None
    prefix_attention: bool
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)


def keep(ancestors: Ancestors, folder: Path) -> None:
    """Write them into a run's folder."""
    replace_text(folder / FILE, json.dumps(asdict(ancestors), indent=1) + "\n")


def ancestors_of(folder: Path | None) -> Ancestors | None:
    """Those that a run's folder keeps; None where there are none."""
    if folder is None or not (folder / FILE).is_file():
        return None
    return Ancestors(**json.loads((folder / FILE).read_text(encoding="utf-8")))


def pinned(job: Job, write: bool) -> Job:
    """The job with the folder that it means now in the place of every `latest:`.

    write: put it into config.yaml too, so that a start later on means the same runs.
    Raises: CheckpointError when no run fits.
    """
    root = Path(job.config["run"]["root"])
    config = _pin(job.config, root)
    if config == job.config:
        return job
    record = yaml.safe_load(job.text)
    text = dump(record | {"config": _pin(record["config"], root)})
    if write:
        replace_text(job.folder / "config.yaml", text)
    return replace(job, config=config, text=text)


def _pin(node: Any, root: Path, key: str = "") -> Any:
    if isinstance(node, dict):
        return {name: _pin(value, root, name) for name, value in node.items()}
    if key in NAMING and isinstance(node, str) and node.startswith(LATEST):
        return str(find_folder(node, root))
    return node


def sees_prompts(config: dict[str, Any], kind: str, stage: Any) -> bool:
    """Whether tokens of a prompt all see one another in the weights that a stage is given.

    A stage that trains on such a mask, or without, says so by a setting of its data or objective;
    one that reads prompts as it finds them (`reads_as_trained`) takes over what init_from learned.
    """
    own = own_attention(config) if kind == "decoder" else False
    origin = config["init_from"]
    if own is not None or origin is None or origin.startswith(HUB):
        return bool(own)
    if not getattr(stage, "reads_as_trained", False):
        return False
    return attention_of(find_folder(origin, Path(config["run"]["root"])))


def attention_of(origin: Path) -> bool:
    """The same of a decoder's run, by its folder or that of one of its checkpoints."""
    try:
        folder = run_folder(origin)
    except CheckpointError:
        return False  # weights of no run
    found = ancestors_of(folder)
    if found is not None:
        return found.prefix_attention
    return bool(own_attention(read(folder / "config.yaml").config))


def own_attention(config: dict[str, Any]) -> bool | None:
    """The setting prefix_attention of data or objective; None where neither has it."""
    for group in ("data", "objective"):
        value: bool | None = config[group].get("prefix_attention")
        if value is not None:
            return value
    return None
