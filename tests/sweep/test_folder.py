from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.sweep.folder import find, opened, recorded
from lmlab.sweep.plan import make_plan


def plan(places, *overrides):
    return make_plan(Composer(places), list(overrides))


def test_sweep_json_keeps_the_jobs_and_the_same_jobs_find_it_again(places):
    with opened(plan(places, "seed=1,2")) as folder:
        folder.entries[0].state = "finished"
        folder.save()
        assert folder.task(folder.entries[1]).path == folder.path / "jobs" / "002.json"
    record = json.loads((folder.path / "sweep.json").read_text())
    assert record["overrides"] == ["seed=1,2"] == recorded(folder.path.name, Path("runs"))
    assert [job["name"] for job in record["jobs"]] == ["seed=1", "seed=2"]
    with opened(plan(places, "seed=2,1", "launcher.jobs=2")) as again:
        assert again.path == folder.path
        assert {entry.name: entry.state for entry in again.entries}["seed=1"] == "finished"
    with opened(plan(places, "seed=1,2", "sweep.resume=new")) as new:
        assert new.path.name == folder.path.name + "-2"
    with opened(plan(places, "seed=1,2")) as newest:
        assert newest.path == new.path


def test_a_sweep_is_found_by_its_mlflow_run(places):
    with opened(plan(places, "seed=1,2")) as folder:
        (folder.path / "run.json").write_text('{"mlflow_run_id": "abc"}')
    assert find("abc", Path("runs")) == folder.path == find(str(folder.path), Path("runs"))
    with pytest.raises(ConfigError, match="sweep.resume=xyz: no such"):
        find("xyz", Path("runs"))


def test_it_is_named_by_the_experiment_the_name_or_the_keys(places):
    for overrides, name in (
        (["seed=1,2"], "seed"),
        (["seed=1,2", "run.name=mine"], "mine"),
        (["seed=1"], "one"),
    ):
        with opened(plan(places, *overrides)) as folder:
            assert folder.path.name.rpartition("-")[0] == name
