"""Finding a run and extending its budget; that it continues exactly is tested in test_train.py."""

from __future__ import annotations

import json

import pytest
import yaml

from lmlab.config.error import ConfigError
from lmlab.resume import extended, find_run, resume


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "runs" / "20260101-000000-first-abc123"
    folder.mkdir(parents=True)
    record = {
        "config": {"budget": {"steps": 5, "tokens": None}, "hardware": {"devices": 1}},
        "choices": {},
        "overrides": [],
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(record))
    (folder / "run.json").write_text(json.dumps({"mlflow_run_id": "f" * 32, "status": "finished"}))
    return tmp_path / "runs"


def test_a_run_is_found_by_folder_name_or_mlflow_id(root):
    (folder,) = root.iterdir()
    assert find_run(str(folder), root) == folder
    assert find_run(folder.name, root) == folder
    assert find_run("f" * 32, root) == folder


def test_a_run_that_is_not_there_names_the_nearest(root):
    with pytest.raises(ConfigError, match="did you mean .*first-abc123"):
        find_run("20260101-000000-first-abc124", root)
    with pytest.raises(ConfigError, match="has no runs"):
        find_run("x", root / "none")


def test_a_complete_run_asks_for_a_larger_budget(root):
    with pytest.raises(ConfigError, match="is complete; to go on"):
        resume("f" * 32, [], root)


def test_a_new_budget_takes_the_place_of_the_old_one():
    old = {"budget": {"steps": 5, "tokens": None, "minutes": 10, "flops": None}}
    assert extended(old, ["budget.tokens=2e6"])["budget"] == {
        "steps": None, "tokens": 2e6, "minutes": None, "flops": None,
    }  # fmt: skip
    both = extended(old, ["budget.steps=50", "budget.flops=1e13"])["budget"]
    assert (both["steps"], both["flops"], both["minutes"]) == (50, 1e13, None)


def test_a_budget_that_is_spent_already_is_refused(root, monkeypatch):
    monkeypatch.setattr("lmlab.resume.checked", lambda *about: None)
    (folder,) = root.iterdir()
    before = (folder / "config.yaml").read_text()
    (folder / "progress.json").write_text('{"step": 5}')
    (folder / "metrics.json").write_text('{"progress/tokens": 640}')
    for budget in ("budget.steps=5", "budget.tokens=640"):
        with pytest.raises(ConfigError, match="already; give more"):
            resume(str(folder), [budget], root)
    assert (folder / "config.yaml").read_text() == before


@pytest.mark.parametrize("override", ["arch.width=3", "budget.steps", "seed=1", "budget.a.b=1"])
def test_only_the_budget_may_change(root, override):
    with pytest.raises(ConfigError, match="only budget"):
        extended({"budget": {"steps": 5}}, [override])


def test_a_run_of_several_machines_is_resumed_on_each(root):
    (folder,) = root.iterdir()
    (folder / "run.json").write_text(json.dumps({"status": "interrupted"}))
    record = yaml.safe_load((folder / "config.yaml").read_text())
    record["config"]["hardware"] = {"devices": 2, "nodes": 2}
    (folder / "config.yaml").write_text(yaml.safe_dump(record))
    with pytest.raises(ConfigError, match="hardware.nodes=2: resume on every node, with torchrun"):
        resume(str(folder), [], root)
