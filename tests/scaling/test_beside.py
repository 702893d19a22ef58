from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from lmlab.scaling.beside import Beside
from lmlab.scaling.grid_run import GridRun

NOTHING: dict[str, Any] = {
    "abilities": [],
    "chance": 0.0,
    "scale": "params",
    "jump_smooth": None,
    "jump_thresholded": None,
    "early_fraction": None,
}
COLUMNS = {"params": "params/non_embedding", "tokens": "progress/tokens", "flops": "progress/flops"}


def runs(num: int = 9) -> list[GridRun]:
    """Sizes of 1e4 to 1e8, an accuracy that appears at 1e6 and a loss that falls evenly; in pairs."""
    found = []
    for index, size in enumerate(np.geomspace(1e4, 1e8, num)):
        noise = 0.004 * (-1) ** index
        metrics = {
            "params/non_embedding": float(size),
            "val/loss_nats": float(8 * size**-0.1) + noise,
            "val/accuracy": float(size > 1e6),
            "val/copying": float(1 / (1 + (1e6 / size) ** 2)),
        }
        steps = np.arange(1, 401)
        curve = 3.0 + 4.0 * steps**-0.4
        history = {"train/loss_nats": (steps, curve), "progress/tokens": (steps, steps * 1e3)}
        found += [GridRun(f"{index}", True, metrics, history)]
    return found


def test_nothing_asked_is_nothing_said():
    beside = Beside(**NOTHING)
    answer = beside.answer(runs(), COLUMNS)
    assert beside.asked == "" and asdict(answer) == asdict(type(answer)("", {}))


def test_abilities_appear_in_their_order():
    beside = Beside(**(NOTHING | {"abilities": ["val/copying", "val/accuracy"]}))
    answer = beside.answer(runs(), COLUMNS)
    assert beside.asked == "abilities" and list(answer.figures) == ["ability"]
    assert [row["reached"] for row in answer.tables["abilities"]] == ["yes", "yes"]
    with pytest.raises(ValueError, match=r"no run has the metric val/acuracy.*val/accuracy"):
        Beside(**(NOTHING | {"abilities": ["val/acuracy"]})).answer(runs(), COLUMNS)


def test_runs_of_one_size_are_averaged():
    beside = Beside(**NOTHING)
    scale, score = beside._values(runs() + runs(), COLUMNS, "val/accuracy")
    assert len(scale) == 9 and score.tolist() == [0.0] * 5 + [1.0] * 4


def test_a_jump_is_judged_from_two_metrics():
    keys = {"jump_smooth": "val/loss_nats", "jump_thresholded": "val/accuracy"}
    answer = Beside(**(NOTHING | keys)).answer(runs(), COLUMNS)
    assert list(answer.figures) == ["jump"] and 0 <= answer.metrics["scaling/jump_power"] <= 1
    assert answer.summary["jump"].split(":")[0] in answer.text


def test_ends_are_forecast_from_the_first_part():
    answer = Beside(**(NOTHING | {"early_fraction": 0.2})).answer(runs(2), COLUMNS)
    assert len(answer.tables["early"]) == 2 and list(answer.figures) == ["early"]
    assert answer.metrics["scaling/early_error_mean"] < 0.01
    few = Beside(**(NOTHING | {"early_fraction": 0.01})).answer(runs(2), COLUMNS)
    assert few.figures == {} and "a forecast needs 8" in few.text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"jump_smooth": "val/loss_nats"}, "go together"),
        ({"chance": 1.0}, "stage.chance=1"),
        ({"early_fraction": 1.5}, "stage.early_fraction=1.5"),
    ],
)
def test_mistakes_name_the_setting(keys, message):
    with pytest.raises(ValueError, match=message):
        Beside(**(NOTHING | keys))
