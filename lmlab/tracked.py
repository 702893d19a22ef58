"""Finished runs for a scaling law, from folders of runs and sweeps or from an MLflow store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lmlab.scaling.grid_run import GridRun
from lmlab.sweep.note import link
from lmlab.sweep.result import SIZES
from lmlab.track.folder import Folder, read_json, run_id_of
from lmlab.track.sync import address

KEPT = ("train/loss_nats", "progress/tokens")  # whose history is read


def read_runs(
    names: list[str],
    root: Path,
    track: dict[str, Any],
    kept: tuple[str, ...] = KEPT,
    own: Path | None = None,
) -> list[GridRun]:
    """The runs of every name: a sweep (its folder, its name, or the id of its MLflow run) stands
    for its jobs, a run's folder for itself, an MLflow run for its children.

    kept: metrics whose history is read; own: the folder of the run that asks, which a sweep it is a
    job of has too. Raises: ValueError for a name that is none of these.
    """
    found = []
    for name in dict.fromkeys(names):
        folders = _folders(name, root)
        others = [each for each in folders if own is None or each.resolve() != own.resolve()]
        runs = [from_folder(folder, kept, folders[folder]) for folder in others]
        runs = runs or _stored(name, root, track, kept)
        if not runs:
            raise ValueError(
                f"stage.runs={name}: neither a folder of a run or a sweep, nor a sweep under "
                f"{root / 'sweeps'}, nor a run of the MLflow store with children"
            )
        found += runs
    return found


def from_folder(folder: Path, kept: tuple[str, ...] = KEPT, name: str = "") -> GridRun:
    """A run by what its folder keeps of it; name: of its job in a sweep, else the folder's."""
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    history: dict[str, list[tuple[int, float]]] = {metric: [] for metric in kept}
    for event, _ in Folder(folder).read(0):
        if event["type"] == "metrics":
            metrics |= event["values"]
            for metric in kept:
                if metric in event["values"]:
                    history[metric].append((event["step"], event["values"][metric]))
        elif event["type"] in ("start", "resume", "tags"):
            tags |= event["tags"]
    last = read_json(folder / "metrics.json")
    finished = (
        read_json(folder / "run.json").get("status", "finished" if last else "") == "finished"
    )
    name = name or folder.name
    return GridRun(name, finished, _sizes(tags) | last | metrics, _arrays(history))


def _folders(name: str, root: Path) -> dict[Path, str]:
    """Run folders that a name stands for, with the names of their jobs; {} where it is none."""
    path = Path(name)
    if (path / "config.yaml").is_file():
        return {path: ""}
    sweep = _sweep(name, root)
    if sweep is not None:
        base, record = sweep.resolve().parent.parent, read_json(sweep / "sweep.json")
        jobs = {job["folder"]: job["name"] for job in record["jobs"] if job.get("folder")}
        return {base / folder: name for folder, name in jobs.items()}
    return {root / name: ""} if (root / name / "config.yaml").is_file() else {}


def _sweep(name: str, root: Path) -> Path | None:
    """The folder of the sweep that a name stands for; None where it is none."""
    places = [Path(name), root / name, root / "sweeps" / name]
    places += [
        file.parent
        for file in root.glob("sweeps/*/run.json")
        if read_json(file).get("mlflow_run_id") == name
    ]
    return next((place for place in places if read_json(place / "sweep.json")), None)


def pages(names: list[str], root: Path, own: Path, parent: str | None = None) -> list[str]:
    """What `read_runs` reads, by name: as links where it is in the MLflow store of the run `own`.

    parent: a run that is left out, the one that the page stands under anyway.
    """
    found = []
    for name in dict.fromkeys(names):
        folder = _sweep(name, root) or next(iter(_folders(name, root)), None)
        if folder is None:
            found += [name] * (name != parent)
        elif parent is None or run_id_of(folder) != parent:
            here = _store(folder) == _store(own)
            found.append(link(folder.name, folder) if here else str(folder))
    return found


def _store(folder: Path) -> str:
    return address(read_json(folder / "run.json").get("store", ""), folder)


def _stored(name: str, root: Path, track: dict[str, Any], kept: tuple[str, ...]) -> list[GridRun]:
    """The children of a run of the store, or the run itself where it has none."""
    if "project" not in track or not name.isalnum():
        return []
    from mlflow.exceptions import MlflowException

    from lmlab.track import store
    from lmlab.track.summary import children

    store.configure(track["request_seconds"])
    client = store.connect(store.store_uri(track.get("uri"), root))
    try:
        parent = client.get_run(name)
    except MlflowException:
        return []
    runs = children(client, parent.info.experiment_id, name) or [parent]
    return [_of_store(client, run, kept) for run in runs]


def _of_store(client: Any, run: Any, kept: tuple[str, ...]) -> GridRun:
    history = {
        name: [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, name)]
        for name in kept
        if name in run.data.metrics
    }
    metrics = _sizes(run.data.tags) | dict(run.data.metrics)
    finished = run.info.status == "FINISHED"
    return GridRun(run.info.run_name or run.info.run_id, finished, metrics, _arrays(history))


def _sizes(tags: dict[str, str]) -> dict[str, float]:
    return {metric: float(tags[tag]) for tag, metric in SIZES.items() if tag in tags}


def _arrays(
    history: dict[str, list[tuple[int, float]]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and values by metric; of a step that was logged twice the later value."""
    found = {}
    for name, pairs in history.items():
        once = dict(pairs)
        steps = np.array(sorted(once), np.int64)
        found[name] = steps, np.array([once[int(step)] for step in steps], np.float64)
    return {name: both for name, both in found.items() if len(both[0])}
