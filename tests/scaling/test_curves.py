"""Curves of runs: how they end, where they part, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmlab.scaling.curves import Curves, words
from lmlab.scaling.grid_run import GridRun

PROXY, GOLD, KL = "policy/reward", "policy/gold_reward", "policy/kl_nats"


def run(name: str, number: int = 20, **metrics: Any) -> GridRun:
    steps = np.arange(1, number + 1)
    return GridRun(name, True, {}, {key: (steps, value(steps)) for key, value in metrics.items()})


def over(name: str, peak: float) -> GridRun:
    return run(
        name,
        **{PROXY: lambda s: s / 10, GOLD: lambda s: 1 - np.abs(s - peak) / 20, KL: lambda s: s / 2},
    )


def make(**changes: Any) -> Curves:
    keys: dict[str, Any] = {
        "runs": ["@all"],
        "lines": {},
        "x": KL,
        "x_label": None,
        "x_scale": "sqrt",
        "y": {PROXY: "proxy", GOLD: None},
        "renamed": {},
        "together": True,
        "average": 1,
        "turn": True,
        "verticals": {},
    }
    return Curves(**(keys | changes))


def answer(curves: Curves, *runs: GridRun) -> Any:
    return curves.answer(lambda names, kept: list(runs))


def test_ends_and_turning_points():
    found = answer(make(), over("v0", 8.0), over("kl", 99.0))
    assert found.metrics["curves/v0/policy_reward"] == pytest.approx(1.95)
    assert found.metrics["curves/v0/turns"] == 1 and found.metrics["curves/kl/turns"] == 0
    assert found.metrics["curves/v0/turn_x"] == 4  # nats, at step 8
    assert found.metrics["curves/v0/correlation_high"] < 0
    assert "curves/kl/turn_x" not in found.metrics
    assert "| v0 |" in found.text and "never" in found.text
    assert len(found.tables["points"]) == 40 and len(found.figures["curves"].axes) == 1


def test_jobs_are_chosen_labelled_and_have_names_of_their_own():
    other = run("best", 4, **{"n/kl": lambda s: s, "n/reward": lambda s: s, "n/gold": lambda s: s})
    renamed = {"best": {KL: "n/kl", PROXY: "n/reward", GOLD: "n/gold"}}
    lines = {"best": "best of N", "v0": "PPO"}
    found = answer(make(lines=lines, renamed=renamed), over("v0", 8.0), run("sft"), other)
    assert [row["run"] for row in found.tables["points"]][::8] == ["best of N", "PPO", "PPO"]
    assert found.metrics["curves/best/policy_gold_reward"] == 4


def test_points_are_averaged_and_steps_are_an_x():
    found = answer(make(x="step", average=2, turn=False, together=False), over("v0", 8.0))
    assert [row["step"] for row in found.tables["points"]] == [2 * n + 1.5 for n in range(10)]
    assert len(found.figures["curves"].axes) == 2 and "curves/v0/turns" not in found.metrics


def test_only_steps_that_have_everything_count():
    logged = over("v0", 8.0)
    steps = np.array([2, 4])
    logged.history[KL] = steps, steps * 1.0
    found = answer(make(turn=False), logged)
    assert [row[PROXY] for row in found.tables["points"]] == [0.2, 0.4]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"runs": []}, "name runs and metrics"), ({"average": 0}, "average=0"), ({"y": {PROXY: None}}, "has one"),
     ({"lines": {"v0": "a"}, "renamed": {"v1": {}}}, "renamed names v1")],
)  # fmt: skip
def test_wrong_settings_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        make(**changes)


def test_a_run_that_is_not_there_or_lacks_a_metric_is_named():
    with pytest.raises(ValueError, match="v9 is not one of v0"):
        answer(make(lines={"v9": "v9"}), over("v0", 8.0))
    with pytest.raises(ValueError, match="sft has no policy/kl_nats"):
        answer(make(lines={"sft": "sft"}), run("sft"))
    with pytest.raises(ValueError, match="no run of stage.runs has policy/kl_nats"):
        answer(make(), run("sft"))


def test_words_for_people():
    assert words("policy/kl_nats") == "policy kl (nats)" and words("val/accuracy") == "val accuracy"
