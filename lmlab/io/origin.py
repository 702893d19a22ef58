"""What `init_from` names: a run, a checkpoint, the newest run of a kind, or published weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.hf.fetch import HUB, fetch

LATEST = "latest:"


def find_origin(init_from: str, root: Path) -> Path:
    """The folder that `init_from` names: of a run, of a checkpoint or of published weights."""
    if init_from.startswith(HUB):
        return fetch(init_from)
    return find_folder(init_from, root)


def find_folder(init_from: str, root: Path) -> Path:
    """The folder meant by a path, a run's name under `root`, an MLflow run id, or `latest:`.

    latest:stage=sft,arch=gpt_tiny is the newest finished run that was composed of these options.
    Raises: CheckpointError when there is none.
    """
    if init_from.startswith(LATEST):
        return find_latest(init_from, root)
    for folder in (Path(init_from), root / init_from):
        if folder.is_dir():
            return folder
    for record in sorted(root.glob("*/run.json")):
        if _record(record.parent).get("mlflow_run_id") == init_from:
            return record.parent
    raise CheckpointError(
        f"init_from={init_from}: no such folder, and no run in {root}/ with that name or MLflow id"
    )


def find_latest(init_from: str, root: Path) -> Path:
    """The newest finished run under `root` whose options are the wanted ones.

    Raises: CheckpointError when no run fits, naming what the newest ones are instead.
    """
    wanted = _wanted(init_from)
    seen: list[dict[str, Any]] = []
    for path in sorted(root.glob("*/config.yaml"), key=_age):
        if not _is_finished(path.parent):
            continue
        choices = _choices(path)
        if wanted.items() <= choices.items():
            return path.parent
        seen.append(choices)
    have = "; ".join(" ".join(f"{key}={c.get(key)}" for key in wanted) for c in seen[:3])
    raise CheckpointError(
        f"init_from={init_from}: no finished run in {root}/ is of these options; "
        + (f"the newest are {have}" if seen else "there are no finished runs at all")
    )


def _wanted(init_from: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in init_from.removeprefix(LATEST).split(",")]
    if not all(key and sign and value for key, sign, value in pairs):
        raise CheckpointError(
            f"init_from={init_from}: write latest:GROUP=OPTION,GROUP=OPTION, such as "
            "'latest:stage=pretrain,arch=gpt_tiny' (in quotes, as it has commas)"
        )
    return {key.strip(): value.strip() for key, _, value in pairs}


def _age(config: Path) -> tuple[str, float]:
    """Sorts the newest first: folders begin with their time, to the second."""
    stamp = "".join(chr(0x10FFFF - ord(letter)) for letter in config.parent.name[:15])
    return stamp, -config.stat().st_mtime


def _choices(config: Path) -> dict[str, Any]:
    try:
        record = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    choices = record.get("choices") if isinstance(record, dict) else None
    return choices if isinstance(choices, dict) else {}


def _is_finished(folder: Path) -> bool:
    """By its record; a run that was not tracked has none, and a checkpoint must do."""
    if not (folder / "checkpoints" / "last").is_file():
        return False
    return _record(folder).get("status", "finished") == "finished"


def _record(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
