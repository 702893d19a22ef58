"""A run folder's record: the resolved config, and how it came about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from lmlab.check import ConfigError, check_config_from_checkpoint
from lmlab.config.fill import filled
from lmlab.config.place import find_places
from lmlab.launch import is_first
from lmlab.say import say


@dataclass(frozen=True, slots=True)
class Job:
    """A run folder's config.yaml: the resolved config, and how it came about."""

    folder: Path
    config: dict[str, Any]
    choices: dict[str, str]
    overrides: list[str]
    parent_run_id: str | None
    text: str
    name: str  # for people: run.name as written, the swept values, or the overrides

    @property
    def hash(self) -> str:
        """Of everything that decides the outcome, so not of names and folders."""
        return hash_of(self.config)


def hash_of(config: dict[str, Any]) -> str:
    """The hash of a resolved configuration: names, folders and tracking do not count."""
    decides = {k: v for k, v in config.items() if k not in ("run", "debug", "track")}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]


def read(config_path: str | Path) -> Job:
    """A job from its config.yaml; `${oc.env:...}` is resolved now, in this process only."""
    path = Path(config_path).resolve()
    text = path.read_text()
    record = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    assert isinstance(record, dict)
    config = OmegaConf.to_container(OmegaConf.create(record["config"]), resolve=True)
    assert isinstance(config, dict)
    choices = record["choices"]
    return Job(
        folder=path.parent,
        config=checked(config, choices, path.parent.name),  # type: ignore[arg-type]
        choices=choices,
        overrides=record["overrides"],
        parent_run_id=record.get("parent_run_id"),
        text=text,
        name=name_of(record),  # type: ignore[arg-type]
    )


def checked(config: dict[str, Any], choices: Mapping[str, str | None], name: str) -> dict[str, Any]:
    """A run's configuration; one of an older lmlab has what its options have got since.

    choices: the option of each group; name: of the run, for what is said. Raises: ConfigError.
    """
    try:
        check_config_from_checkpoint(config)
    except ConfigError:
        whole, added = filled(config, choices, find_places())
        if not added:
            raise
        check_config_from_checkpoint(whole)
        if is_first():
            say(f"{name} was made by an older lmlab; settings it lacks: {', '.join(added)}")
        return whole
    return config


def name_of(record: dict[str, Any]) -> str:
    """run.name as it was written, the swept values, or the overrides."""
    written = record["config"]["run"]["name"]
    return written or record.get("label") or " ".join(record["overrides"]) or "default"
