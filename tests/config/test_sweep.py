"""A sweep with small scripts in place of workers and of MLflow."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmlab import launch
from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import Places
from lmlab.config.sweep import plan, run_sweep
from tests.config.fake import write

Calls = list[tuple[Any, ...]]
Jobs = list[tuple[dict[str, Any], int]]


@pytest.fixture
def parents(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Calls of start_parent and finish_parent."""
    calls: Calls = []
    module: Any = types.ModuleType("lmlab.track.parent")

    def start_parent(*, folder: Path, project: str, name: str, **others: object) -> str:
        assert set(others) == {"root", "uri", "tags", "note"} and folder.is_dir()
        calls.append(("start", project, name))
        return "parent-id"

    def finish_parent(*, folder: Path, status: str, **others: object) -> bool:
        assert set(others) == {"root", "uri"} and folder.is_dir()
        calls.append(("finish", status))
        return True

    module.start_parent, module.finish_parent = start_parent, finish_parent
    monkeypatch.setitem(sys.modules, "lmlab.track.parent", module)
    return calls


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Configs and numbers of processes asked for; a job with seed 1 fails, seed 9 is stopped."""
    calls: Jobs = []

    def fake(config: Path, num_processes: int) -> int:
        record = yaml.safe_load(config.read_text())
        calls.append((record, num_processes))
        return {1: 3, 9: 143}.get(record["config"]["seed"], 0)

    monkeypatch.setattr(launch, "launch", fake)
    return calls


def test_a_job_for_each_combination(places: Places, parents: Calls, launched: Jobs) -> None:
    overrides = ["seed=2,3", "arch.width=8,16", "hardware.devices=2", "hardware.strategy=ddp"]
    assert run_sweep(Composer(places), overrides) == 0
    assert [(r["config"]["seed"], r["config"]["arch"]["width"], n) for r, n in launched] == [
        (2, 8, 2),
        (2, 16, 2),
        (3, 8, 2),
        (3, 16, 2),
    ]
    assert {r["parent_run_id"] for r, _ in launched} == {"parent-id"}
    assert len(list(Path("runs").glob("*/config.yaml"))) == 4
    assert parents == [
        ("start", "lmlab", "sweep of seed, arch.width"),
        ("finish", "finished"),
    ]


def test_a_failure_is_said_at_once_and_the_others_run(
    places: Places,
    parents: Calls,
    launched: Jobs,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_sweep(Composer(places), ["seed=0,1,2"]) == 1
    assert len(launched) == 3
    shown = capsys.readouterr()
    assert shown.err == "job 2/3 failed (3): seed=1\n"
    assert [line.split()[1] for line in shown.out.splitlines()[-3:]] == [
        "finished",
        "failed",
        "finished",
    ]
    assert parents[-1] == ("finish", "failed")


def test_a_stop_leaves_the_rest(places: Places, parents: Calls, launched: Jobs) -> None:
    assert run_sweep(Composer(places), ["seed=0,9,2"]) == 143
    assert len(launched) == 2
    assert parents[-1] == ("finish", "interrupted")


def test_nothing_starts_when_one_job_is_wrong(
    places: Places, parents: Calls, launched: Jobs
) -> None:
    with pytest.raises(ConfigError) as caught:
        run_sweep(Composer(places), ["arch.width=8,16,wide"])
    assert "arch.width=wide: must be int" in caught.value.lines[0]
    assert "1 of 3 jobs" in caught.value.lines[-1]
    assert launched == [] and parents == [] and not Path("runs").exists()


def test_without_tracking_there_is_no_parent(
    places: Places, parents: Calls, launched: Jobs
) -> None:
    write(Path("fakelab/none.py"), "class Nothing:\n    def __init__(self, *, run_dir): ...")
    write(places.conf[0] / "track" / "none.yaml", "_target_: fakelab.none.Nothing\n_partial_: true")
    assert run_sweep(Composer(places), ["track=none", "seed=2,3"]) == 0
    assert parents == [] and {r["parent_run_id"] for r, _ in launched} == {None}


def test_grids_in_an_experiment(places: Places) -> None:
    write(
        places.experiments[0] / "grid.yaml",
        "hydra: {mode: MULTIRUN, sweeper: {params: {arch.width: '8,16', seed: 'range(0,3)'}}}",
    )
    jobs = plan(Composer(places), ["experiment=grid", "arch.dropout=0.1"])
    assert len(jobs) == 6
    assert {job.composed.cfg.arch.dropout for job in jobs} == {0.1}
    assert jobs[0].label == "arch.width=8 seed=0 experiment=grid arch.dropout=0.1"
