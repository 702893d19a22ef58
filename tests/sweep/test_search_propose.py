from __future__ import annotations

import math
import sys

import pytest

from lmlab.sweep.search_propose import Trial, propose, require_optuna
from lmlab.sweep.search_space import Choice, Range
from tests.sweep.search_worker import bowl

SPACE = {"rate": Range(1e-5, 1.0, log=True), "width": Choice(("8", "16", "32", "64"))}


def test_without_optuna_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r"needs: pip install 'lmlab\[search\]'"):
        require_optuna()


def search(sampler: str, number: int) -> list[Trial]:
    trials: list[Trial] = []
    for seed in range(number):
        point = propose(SPACE, trials, sampler=sampler, seed=seed)
        value = bowl(float(point["rate"]), int(point["width"]))
        trials.append(Trial(point, "finished", value))
    return trials


def test_the_same_trials_give_the_same_point():
    pytest.importorskip("optuna", reason="the extra `search` is not installed")
    trials = [*search("tpe", 9), Trial({"rate": "0.5", "width": "8"}, "running")]
    trials += [Trial({"rate": "0.1", "width": "8"}, "pruned", 7.0)]
    trials += [Trial({"rate": "0.2", "width": "64"}, "failed")]
    points = [propose(SPACE, trials, sampler="tpe", seed=5) for _ in range(3)]
    assert points[0] == points[1] == points[2]
    assert 1e-5 <= float(points[0]["rate"]) <= 1 and points[0]["width"] in ("8", "16", "32", "64")


def test_a_whole_range_gives_whole_numbers_and_pruned_trials_without_value_are_told():
    pytest.importorskip("optuna", reason="the extra `search` is not installed")
    told = [Trial({"n": "3"}, "pruned", None), Trial({"n": "4"}, "finished", math.nan)]
    assert 2 <= int(propose({"n": Range(2, 9, whole=True)}, told, sampler="tpe", seed=1)["n"]) <= 9


def test_it_finds_the_bottom_of_a_bowl_better_than_chance():
    pytest.importorskip("optuna", reason="the extra `search` is not installed")
    found = [trial.value for trial in search("tpe", 30)]
    chance = [trial.value for trial in search("random", 30)]
    assert min(found) < 1.1
    assert sum(found[15:]) < 0.7 * sum(chance[15:])
