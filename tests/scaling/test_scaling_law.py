from __future__ import annotations

import pytest
import yaml

from lmlab.scaling.grid_run import GridRun
from lmlab.scaling.scaling_law import ScalingLaw
from tests.conftest import ROOT
from tests.scaling.synthetic import grid
from tests.scaling.test_beside import runs

TEXT = (ROOT / "conf" / "stage" / "scaling_law.yaml").read_text()
NODE = {key: value for key, value in yaml.safe_load(TEXT)["stage"].items() if key != "_target_"}


def test_from_a_csv_to_a_report(tmp_path):
    points, path = grid(4, 5, noise=0.002), tmp_path / "grid.csv"
    rows = zip(points.params, points.tokens, points.loss, strict=True)
    path.write_text("N,tokens,loss\n" + "\n".join(",".join(map(repr, map(float, r))) for r in rows))
    keys = {"csv": str(path), "columns": {"params": "N"}, "num_draws": 50, "budgets": [1e23]}
    found = ScalingLaw(**(NODE | keys)).report()
    assert found.verdict.rule == "Chinchilla" and len(found.optima) == 2


def test_points_of_tracked_runs_come_from_the_caller():
    stage = ScalingLaw(**(NODE | {"runs": ["abc"], "num_draws": 50}))
    found = stage.report(grid(4, 5, noise=0.002), entropy_nats=1.69)
    assert found.analysis.entropy is not None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "neither given"),
        ({"csv": "x.csv", "runs": ["a"]}, "both given"),
        ({"csv": "x.csv", "num_draws": 5}, "50 or more"),
        ({"csv": "x.csv", "budgets": [0.0]}, "above 0"),
    ],
)
def test_mistakes_name_the_setting(keys, message):
    with pytest.raises(ValueError, match=message):
        ScalingLaw(**(NODE | keys))


def tracked(noise: float = 0.002) -> list[GridRun]:
    points = grid(4, 5, noise=noise)
    rows = zip(points.params, points.tokens, points.loss, points.flops, strict=True)
    names = ("params/non_embedding", "progress/tokens", "val/loss_nats", "progress/flops")
    return [
        GridRun(f"run {index}", True, dict(zip(names, map(float, row), strict=True)))
        for index, row in enumerate(rows)
    ]


def test_from_tracked_runs_to_an_answer():
    known = [run.metrics | {"data/entropy_rate_nats": 1.69} for run in tracked()]
    runs = [GridRun(f"run {i}", True, metrics) for i, metrics in enumerate(known)]
    runs += [GridRun("law", True, {}), GridRun("killed", False, {})]
    answer = ScalingLaw(**(NODE | {"runs": ["grid"], "num_draws": 50})).answer(
        lambda names: runs if names == ["grid"] else []
    )
    assert "Left out: law has no params/non_embedding" in answer.text
    assert answer.summary["verdict"].startswith("Chinchilla")
    assert answer.metrics["scaling/floor_agrees"] == 1.0 and len(answer.tables["points"]) == 20
    assert set(answer.figures) == {"loss_compute", "isoflop", "contour", "residual"}


def test_a_csv_has_no_metrics_to_look_beside():
    with pytest.raises(ValueError, match=r"stage.abilities needs metrics"):
        ScalingLaw(**(NODE | {"csv": "x.csv", "abilities": ["val/accuracy"]}))


def test_a_sweep_that_is_no_grid_has_the_figures_beside_the_laws():
    sizes = runs(9)  # one run a size, all of one length: no law can be fitted
    for run in sizes:
        run.metrics.update({"progress/tokens": 1e6, "progress/flops": 6e6})
    asked = {
        "runs": ["any"],
        "abilities": ["val/copying"],
        "jump_smooth": "val/loss_nats",
        "jump_thresholded": "val/accuracy",
        "early_fraction": 0.2,
    }
    answer = ScalingLaw(**(NODE | asked)).answer(lambda names: sizes)
    assert set(answer.figures) >= {"ability", "jump", "early"}
    assert "scaling/early_error_mean" in answer.metrics and "jump" in answer.summary
