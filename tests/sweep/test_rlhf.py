"""The experiments of post-training: their chains compose, their expectations and figures evaluate."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest

from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.scaling.grid_run import GridRun
from lmlab.sweep.expect import judge
from lmlab.sweep.figure import draw
from lmlab.sweep.language import Child
from lmlab.sweep.plan import Plan, make_plan
from lmlab.sweep.result import Result
from lmlab.sweep.run import check_expectation
from tests.conftest import ROOT

CHAINED = ("overoptimization", "ptx_regression", "hedging")


@cache
def plan_of(name: str) -> Plan:
    return make_plan(Composer(find_places()), [f"experiment={name}", "track=none"])


def children(name: str, **metrics: dict[str, float]) -> list[Child]:
    """The planned jobs with these metrics, by the stage of a chain."""
    return [
        Child(
            job.name,
            metrics.get(job.stage or "", {}),
            job.composed.choices,
            resolve.plain(job.composed.cfg),
            job.stage,
        )
        for job in plan_of(name).jobs
    ]


def verdict(name: str, found: list[Child]) -> str:
    experiment = plan_of(name).experiment
    assert experiment is not None
    expect, blocked = experiment["expect"], experiment["believed_blocked_by"]
    return judge(expect, found, finished=True, blocked_by=blocked)[0]


@pytest.mark.parametrize("name", [*CHAINED, "task_diversity"])
def test_it_says_what_it_asks_and_names_jobs_that_there_are(name):
    plan = plan_of(name)
    check_expectation(plan)
    experiment = plan.experiment
    assert experiment is not None
    assert {"question", "source", "cost", "expect", "believed_blocked_by"} <= set(experiment)


@pytest.mark.parametrize("name", CHAINED)
def test_the_first_links_are_shared_and_the_last_needs_all(name):
    jobs = {job.stage: job for job in plan_of(name).jobs}
    assert len(jobs) == len(plan_of(name).jobs)
    assert len(jobs["last"].needs) == len(jobs) - 1
    shared = jobs["sft"].hash
    assert sum(shared in job.needs.values() for job in jobs.values()) >= 3


def test_overoptimization_holds_where_v0_turns_and_ends_below_kl():
    good = {"curves/v0/turns": 1.0, "curves/v0/policy_gold_reward": 0.1}
    good |= {"curves/kl/policy_gold_reward": 0.3}
    assert verdict("overoptimization", children("overoptimization", last=good)) == "holds"
    flat = good | {"curves/v0/turns": 0.0}
    assert verdict("overoptimization", children("overoptimization", last=flat)) != "holds"


def test_ptx_regression_holds_where_the_text_keeps_half_of_the_loss():
    def losses(without: float, beside: float) -> str:
        found = {"pretrain": 2.0, "without_text": without, "with_text": beside}
        metrics = {name: {"val/loss_nats": loss} for name, loss in found.items()}
        return verdict("ptx_regression", children("ptx_regression", **metrics))

    assert losses(3.0, 2.1) == "holds" and losses(2.0, 2.0) != "holds" != losses(3.0, 2.9)


def test_hedging_holds_around_the_even_odds():
    def bounds(boundary: float) -> str:
        found = {"hedging/boundary": boundary, "hedging/mean_hedged": 0.01, "hedging/best_act": 0.9}
        return verdict("hedging", children("hedging", reinforce_acts=found))

    assert bounds(0.8) == "holds" and bounds(0.5) != "holds"


def test_task_diversity_holds_where_more_tasks_and_a_larger_model_help(tmp_path):
    scored = []
    for child in children("task_diversity"):
        number = child.config["data"]["source"]["num_tasks"] or 0
        score = 0.01 * number * (1 + (child.choices["arch"] == "gpt_tiny"))
        metrics = {"val/held_out_token_f1": score} if child.stage == "sft" else {}
        scored.append(replace(child, metrics=metrics))
    assert len(scored) == 14 and verdict("task_diversity", scored) == "holds"
    results = [
        Result(c.name, "finished", None, dict(c.choices), dict(c.config), dict(c.metrics))
        for c in scored
    ]
    experiment = plan_of("task_diversity").experiment
    assert experiment is not None
    draw(experiment["figure"], results, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.parametrize("name", CHAINED)
def test_the_figure_is_drawn_from_what_the_jobs_log(name):
    node = resolve.plain(plan_of(name).jobs[-1].composed.cfg)["stage"]
    stage: Any = hydra.utils.instantiate(node, _convert_="all")
    steps, values = np.arange(1, 9), np.linspace(0, 1, 8)

    def read_runs(names: list[str], kept: tuple[str, ...]) -> list[GridRun]:
        history = dict.fromkeys(kept, (steps, values))
        return [GridRun(job.stage or "", True, {}, history) for job in plan_of(name).jobs]

    found = stage.answer(read_runs)
    assert list(found.figures) == ["curves"] and len(found.tables["points"]) % len(stage.lines) == 0


@pytest.mark.slow
def test_a_chain_of_one_layer_models_ends_with_a_verdict_and_a_figure(tmp_path: Path):
    small = ["arch.num_layers=1", "arch.width=16", "arch.num_heads=2", "budget.tokens=null"]
    small += ["budget.steps=3", "hardware=cpu"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lmlab", "-m", "experiment=hedging", *small]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "verdict: " in done.stdout and "unfinished" not in done.stdout
    (sweep,) = (tmp_path / "runs" / "sweeps").iterdir()
    assert (sweep / "curves.png").is_file()
