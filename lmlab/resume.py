"""`lmlab resume RUN`: find the run, extend its budget if asked, and start its worker again."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from lmlab import launch
from lmlab.config.error import ConfigError
from lmlab.config.run_folder import dump
from lmlab.durable import replace_text
from lmlab.job import checked


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
        checked(record["config"], record["choices"], folder.name)
        _must_go_on(folder, record["config"]["budget"])
        replace_text(path, dump(record))
    elif _status(folder) == "finished":
        raise ConfigError(
            [
                f"{run} is complete; to go on, give it a larger budget: lmlab resume {run} budget.steps=N"
            ]
        )
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    devices = int(config["hardware"].get("devices", 1))
    nodes = int(config["hardware"].get("nodes", 1))
    if nodes > 1 and not launch.is_rank():
        raise ConfigError(
            [
                f"hardware.nodes={nodes}: resume on every node, with torchrun or srun, as it was started"
            ]
        )
    if devices > 1 and not launch.is_rank():
        return launch.launch(path, devices, resume=True)
    from lmlab import worker

    return worker.run(str(path), resume=True)


def extended(config: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """`config` with a new budget: what is given ends the run, and nothing of the old one."""
    node = OmegaConf.create(config)
    for key in node.budget:
        node.budget[key] = None
    for text in overrides:
        key, sign, value = text.partition("=")
        if not sign or not key.startswith("budget.") or key.count(".") != 1:
            raise ConfigError(
                [f"{text}: a run is resumed with its own settings; only budget.* may change"]
            )
        name = key.removeprefix("budget.")
        node.budget[name] = OmegaConf.from_dotlist([f"{name}={value}"])[name]
    changed = OmegaConf.to_container(node, resolve=False)
    assert isinstance(changed, dict)
    return changed  # type: ignore[return-value]


def _must_go_on(folder: Path, budget: dict[str, Any]) -> None:
    """Raises: ConfigError for steps or tokens that the run has taken already."""
    steps = _json(folder / "progress.json").get("step", 0)
    tokens = _json(folder / "metrics.json").get("progress/tokens", 0)
    for name, done in (("steps", steps), ("tokens", tokens)):
        if budget.get(name) is not None and budget[name] <= done:
            raise ConfigError(
                [
                    f"budget.{name}={budget[name]:g}: the run has taken {done:g} {name} already; give more"
                ]
            )


def find_run(run: str, root: Path = Path("runs")) -> Path:
    """The folder of a run given as a folder, a folder's name under `root`, or an MLflow run id."""
    for folder in (Path(run), root / run):
        if (folder / "config.yaml").is_file():
            return folder
    folders = sorted(path.parent for path in root.glob("*/config.yaml"))
    for folder in folders:
        if _json(folder / "run.json").get("mlflow_run_id") == run:
            return folder
    near = difflib.get_close_matches(run, [folder.name for folder in folders], 1, 0.3)
    hint = f"; did you mean {root / near[0]}?" if near else f"; {root}/ has no runs"
    raise ConfigError(
        [f"{run}: no such run folder, and no run in {root}/ with that MLflow id{hint}"]
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _status(folder: Path) -> str | None:
    return _json(folder / "run.json").get("status")
