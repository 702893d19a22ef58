"""Runs read back from their folders and from a store are the same runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.sweep.folder import Entry, SweepFolder
from lmlab.track.brief import Brief
from lmlab.track.folder import Folder, read_json, write_json
from lmlab.track.parent import start_parent
from lmlab.tracked import from_folder, pages, read_runs

TRACK = {"project": "grid", "uri": None, "request_seconds": 10.0}


def one_run(root: Path, name: str, loss: float, parent: str | None, status: str) -> Path:
    run = root / name
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("config: {}\n")
    tracker = Brief(run, root, None, "grid")
    tags = {"params.total": "200", "params.non_embedding": "100"}
    tracker.start(name, tags, {}, parent)
    for step in (1, 2, 2, 3):
        values = {"train/loss_nats": loss + 1 / step, "progress/tokens": 64.0 * step}
        tracker.folder.append("metrics", step=step, values=values)
    tracker.metrics({"val/loss_nats": loss})
    tracker.end(status)
    return run


@pytest.fixture(scope="module")
def grid(tmp_path_factory) -> tuple[Path, str]:
    """A root with a sweep of two finished runs and one that failed, and the id of its parent."""
    root = tmp_path_factory.mktemp("grid")
    sweep = root / "sweeps" / "mini-1234"
    sweep.mkdir(parents=True)
    parent = start_parent(
        folder=sweep, root=root, uri=None, project="grid", name="mini", tags={}, note=""
    )
    names = {"small": (3.0, "finished"), "large": (2.0, "finished"), "bad": (9.0, "failed")}
    for name, (loss, status) in names.items():
        one_run(root, name, loss, parent, status)
    entries = [Entry(i, name, [], str(i), folder=name) for i, name in enumerate(names)]
    SweepFolder(sweep, root, [*entries, Entry(9, "waiting", [], "9")], {}).save()
    return root, parent


@pytest.mark.parametrize("way", ["folder", "name", "id of a sweep's folder", "store"])
def test_a_sweep_stands_for_its_jobs(grid, way, tmp_path):
    root, parent = grid
    name = {"folder": str(root / "sweeps" / "mini-1234"), "name": "mini-1234"}.get(way, parent)
    track = TRACK
    if way == "store":  # the same store, seen from where no folder of the sweep is
        track, root = TRACK | {"uri": f"sqlite:///{root / 'mlflow.db'}"}, tmp_path
    runs = {run.name: run for run in read_runs([name], root, track)}
    assert set(runs) == {"small", "large", "bad"}
    assert [run.name for run in runs.values() if not run.finished] == ["bad"]
    found = runs["large"]
    assert found.metrics["params/non_embedding"] == 100.0 and found.metrics["val/loss_nats"] == 2.0
    steps, losses = found.history["train/loss_nats"]
    assert steps.tolist() == [1, 2, 3] and losses.tolist() == [3.0, 2.5, 2.0 + 1 / 3]


def test_a_folder_stands_for_its_run(grid):
    root, _ = grid
    assert [run.name for run in read_runs([str(root / "small"), "large"], root, TRACK)] == [
        "small",
        "large",
    ]


def test_a_run_without_tracking_has_its_last_metrics(tmp_path):
    assert not from_folder(tmp_path).finished
    write_json(tmp_path / "metrics.json", {"val/loss_nats": 1.5})
    found = from_folder(tmp_path)
    assert found.finished and found.metrics == {"val/loss_nats": 1.5} and found.history == {}
    Folder(tmp_path).record(status="failed")
    assert not from_folder(tmp_path).finished


def test_a_name_that_is_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"stage.runs=nothing: neither a folder"):
        read_runs(["nothing"], tmp_path, TRACK)


def test_a_run_that_asks_for_its_own_sweep_is_not_among_its_runs(grid):
    root, _ = grid
    found = read_runs(["mini-1234"], root, TRACK, own=root / "bad")
    assert [run.name for run in found] == ["small", "large"]


def test_what_is_read_is_linked_but_for_the_page_above(grid):
    root, parent = grid
    known, own = read_json(root / "sweeps" / "mini-1234" / "run.json"), root / "large"
    address = f"[mini-1234](#/experiments/{known['experiment_id']}/runs/{parent})"
    for name in ("mini-1234", parent, str(root / "sweeps" / "mini-1234")):
        assert pages([name, name], root, own) == [address]
        assert pages([name], root, own, parent) == []
    assert pages(["small"], root, own)[0].startswith("[small](#/experiments/")
    assert pages(["5f00"], root, own) == ["5f00"]


def test_what_is_in_another_store_is_named(grid, tmp_path):
    root, _ = grid
    write_json(tmp_path / "run" / "run.json", {"store": "sqlite:///mlflow.db"})
    assert pages(["small"], root, tmp_path / "run") == [str(root / "small")]
