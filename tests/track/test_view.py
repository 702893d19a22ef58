"""The view that MLflow's page is given."""

from __future__ import annotations

import json
from pathlib import Path

from mlflow import MlflowClient

from lmlab.track import view
from tests.track.conftest import start_run


def test_the_view_has_the_columns_a_person_wants_first() -> None:
    state = json.loads(view.experiment_tags()[view.TAG])
    assert state["selectedColumns"][0] == "metrics.`val/bits_per_byte`"
    assert {"tags.`arch`", "tags.`stage`", "tags.`objective`"} <= set(state["selectedColumns"])
    assert state["columnOrder"] == state["selectedColumns"] == list(state["columnWidths"])
    sections = [section["uuid"] for section in state["compareRunSections"]]
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == set(sections)
    assert sections[0] == "lmlab-val"


def test_the_address_of_the_project_that_ran_last(root: Path, client: MlflowClient) -> None:
    assert view.page_of_newest_project(client, "http://x") == "http://x"
    start_run(root).finalize("finished")
    newer = start_run(root, name="newer", project="other")
    newer.finalize("finished")
    found = client.get_run(str(newer.run_id)).info.experiment_id
    page = view.page_of_newest_project(client, "http://x/")
    assert page.startswith(f"http://x/#/experiments/{found}/runs?viewStateShareKey=lmlab")
    assert view.TAG in client.get_experiment(found).tags


def test_runs_that_follow_each_other_have_different_colors(
    root: Path, client: MlflowClient
) -> None:
    colors = []
    for name in ("a", "b", "c"):
        run = start_run(root, name=name)
        run.finalize("finished")
        colors.append(client.get_run(str(run.run_id)).data.tags[view.COLOR])
    assert colors == list(view.COLORS[:3])
