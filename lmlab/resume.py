"""`lmlab resume RUN`: find the run, extend its budget if asked, and start its worker again."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from lmlab import launch
from lmlab.check import check_config_from_checkpoint
from lmlab.config.error import ConfigError
from lmlab.config.run_folder import dump


def resume(run: str, overrides: list[str], root: Path = Path("runs")) -> int:
    """Continue a run in its own folder and MLflow run; returns the exit code.

    Raises: ConfigError for a run that is not found, one that is complete, and overrides of
    anything but budget.* (everything else would make it a different run).
    """
    folder = find_run(run, root)
    path = folder / "config.yaml"
    if overrides:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
        record["config"] = extended(record["config"], overrides)
        fresh = path.with_suffix(".new")
        fresh.write_text(dump(record), encoding="utf-8")
        os.replace(fresh, path)
    elif _status(folder) == "finished":
        raise ConfigError(
            [
                f"{run} is complete; to go on, give it a larger budget: lmlab resume {run} budget.steps=N"
            ]
        )
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    devices = int(config["hardware"].get("devices", 1))
    if devices > 1 and not launch.is_rank():
        return launch.launch(path, devices, resume=True)
    from lmlab import worker

    return worker.run(str(path), resume=True)


def extended(config: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """`config` with budget.* overrides applied and checked."""
    node = OmegaConf.create(config)
    for text in overrides:
        key, sign, value = text.partition("=")
        if not sign or not key.startswith("budget.") or key.count(".") != 1:
            raise ConfigError(
                [f"{text}: a run is resumed with its own settings; only budget.* may change"]
            )
        OmegaConf.update(node, key, yaml.safe_load(value))
    changed = OmegaConf.to_container(node, resolve=False)
    assert isinstance(changed, dict)
    check_config_from_checkpoint(changed)  # type: ignore[arg-type]
    return changed  # type: ignore[return-value]


def find_run(run: str, root: Path = Path("runs")) -> Path:
    """The folder of a run given as a folder, a folder's name under `root`, or an MLflow run id."""
    for folder in (Path(run), root / run):
        if (folder / "config.yaml").is_file():
            return folder
    folders = sorted(path.parent for path in root.glob("*/config.yaml"))
    for folder in folders:
        if _record(folder).get("mlflow_run_id") == run:
            return folder
    near = difflib.get_close_matches(run, [folder.name for folder in folders], 1, 0.3)
    hint = f"; did you mean {root / near[0]}?" if near else f"; {root}/ has no runs"
    raise ConfigError(
        [f"{run}: no such run folder, and no run in {root}/ with that MLflow id{hint}"]
    )


def _record(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _status(folder: Path) -> str | None:
    return _record(folder).get("status")
