"""The parent run, with a stand-in for MLflow; a real store is in test_real.py."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from lmlab.config.compose import Composer
from lmlab.sweep.folder import opened
from lmlab.sweep.parent import Parent, command, go_on
from lmlab.sweep.plan import make_plan
from tests.sweep.conftest import sweeps
from tests.sweep.driver import WORKER, sweep


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Keywords of start_parent and finish_parent."""
    made: list[dict[str, Any]] = []
    module: Any = types.ModuleType("lmlab.track.parent")
    module.start_parent = lambda **keywords: made.append(keywords) or "parent-id"
    module.finish_parent = lambda **keywords: made.append(keywords)
    monkeypatch.setitem(sys.modules, "lmlab.track.parent", module)
    return made


def test_it_is_opened_and_closed_with_its_page(places, calls):
    plan = make_plan(Composer(places), ["seed=1,2", "track.project=mine"])
    with opened(plan) as folder:
        parent = Parent(plan, folder)
        parent.finish("failed", "a page", {"verdict": "holds"}, ("table.json",))
    assert parent.run_id == "parent-id"
    start, finish = calls
    assert (start["project"], start["name"]) == ("mine", "sweep of seed")
    assert start["folder"] == finish["folder"] == folder.path and start["root"] == Path("runs")
    assert finish["status"] == "failed" and finish["note"] == "a page"
    assert command(plan) == "lmlab -m seed=1,2 track.project=mine"
    assert go_on(plan, folder) == f"lmlab -m sweep.resume={folder.path.name}"


def test_children_are_given_it_and_without_tracking_there_is_none(places, calls, tree):
    from lmlab.sweep.run import run_sweep

    assert run_sweep(Composer(places), ["seed=1,2"], worker=WORKER) == 0
    assert calls == [] and "parent_run_id: null" in config_text(tree)


def config_text(tree: Path) -> str:
    folder = sweeps(tree)[0]["jobs"][0]["folder"]
    return (tree / "runs" / folder / "config.yaml").read_text()


def test_its_name_is_run_name_or_the_experiment(places, calls):
    for overrides, name in (
        (["seed=1,2", "run.name=mine"], "mine"),
        (["seed=1"], "sweep of one job"),
    ):
        plan = make_plan(Composer(places), overrides)
        with opened(plan) as folder:
            Parent(plan, folder)
        assert calls[-1]["name"] == name


def test_a_failed_start_leaves_no_job_behind(tree, monkeypatch):
    monkeypatch.setenv("FAKE_FAIL", "1")
    assert sweep(tree, "seed=1") == 1
