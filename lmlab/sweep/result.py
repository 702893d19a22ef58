"""What came of a job, from the files of its run: final metrics, tags, progress."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from lmlab.track.folder import Folder, read_json

SIZES = {"params.total": "params/total", "params.non_embedding": "params/non_embedding"}


@dataclass(frozen=True, slots=True)
class Result:
    """A job's outcome; metrics: the last value of each, with its sizes; config: as it was run."""

    name: str
    state: str
    folder: Path | None
    choices: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def read_result(name: str, state: str, folder: Path | None) -> Result:
    """The outcome of a run's folder; empty for a job that never began."""
    if folder is None or not (folder / "config.yaml").is_file():
        return Result(name, state, folder)
    record = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    metrics, tags = _logged(folder)
    metrics = metrics or _kept(folder)
    sizes = {metric: float(tags[tag]) for tag, metric in SIZES.items() if tag in tags}
    return Result(name, state, folder, record["choices"], record["config"], sizes | metrics, tags)


def with_published(result: Result, score: float | None) -> Result:
    """With the figure that the source gives for this job, where it gives one."""
    if score is None or not result.metrics:
        return result
    return replace(result, metrics=result.metrics | {"published/score": score})


def _logged(folder: Path) -> tuple[dict[str, float], dict[str, str]]:
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    for event, _ in Folder(folder).read(0):
        if event["type"] == "metrics":
            metrics |= event["values"]
        elif event["type"] in ("start", "resume", "tags"):
            tags |= event["tags"]
    return metrics, tags


def _kept(folder: Path) -> dict[str, float]:
    """The last metrics of a run that was not tracked, where it kept them."""
    found = read_json(folder / "metrics.json")
    return {name: float(v) for name, v in found.items() if isinstance(v, int | float)}


def points_of(folder: Path, metric: str) -> list[float]:
    """All values of a metric that a run has logged so far, one a step, in their order."""
    points: dict[int, float] = {}
    for event, _ in Folder(folder).read(0):
        if event["type"] == "metrics" and metric in event["values"]:
            points[int(event["step"])] = float(event["values"][metric])
    return [points[step] for step in sorted(points)]


def progress(folder: Path | None) -> dict[str, Any]:
    """step, steps, part (0..1), loss_nats, tokens_per_second, seconds_left; {} before the first."""
    return {} if folder is None else read_json(folder / "progress.json")
