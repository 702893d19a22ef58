"""A sweep's page in a browser: a report with its picture, the charts, two children side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from lmlab.sweep import figure
from lmlab.sweep.note import figures, fitted, linked
from lmlab.sweep.report import markdown, table_rows
from lmlab.sweep.result import Result
from lmlab.track import view
from lmlab.track.folder import read_json
from lmlab.track.parent import finish_parent, start_parent
from tests.track.browser import browser_page, keep
from tests.track.conftest import pretend_to_train, start_run

RATES = {"0.001": 1.4, "0.003": 1.2, "0.01": 1.3}
COMMAND = "lmlab -m optim.learning_rate=0.001,0.003,0.01"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a sweep over three learning rates, and its page as `lmlab -m` writes it."""
    root = tmp_path_factory.mktemp("page") / "runs"
    folder = root / "sweep"
    parent = start_parent(
        folder=folder, root=root, uri=None, project="lmlab", name="sweep of optim.learning_rate",
        tags={"stage": "pretrain"}, note=f"`{COMMAND}`",
    )  # fmt: skip
    results = []
    for seed, (rate, bits) in enumerate(RATES.items()):
        name = f"optim.learning_rate={rate}"
        run = start_run(root, name=name, params={"optim.learning_rate": rate}, parent_run_id=parent)
        pretend_to_train(run, final_bits=bits, seed=seed)
        run.finalize("finished")
        metrics = {"val/bits_per_byte": bits, "val/loss_nats": bits * 2.7}
        config = {"optim": {"learning_rate": float(rate)}}
        results.append(Result(name, "finished", root / name, config=config, metrics=metrics))
    asked = {"x": "optim.learning_rate", "y": "val/bits_per_byte", "log_x": True}
    figure.draw(asked, results, folder / "figure.png")
    before = ["**Which rate is best?**", "", "Verdict: **holds** (best = 0.003)", "",
              f"The same jobs: `{COMMAND}`", "", *figures(["figure.png"], folder)]  # fmt: skip
    note = fitted(before, markdown(linked(table_rows(results), results)), [])
    assert finish_parent(
        folder=folder, root=root, uri=None, status="finished", note=note, tags={"verdict": "holds"},
        files=("figure.png",),
    )  # fmt: skip
    return root


@pytest.fixture(scope="module")
def page(root: Path) -> Iterator[tuple[Any, str, Any]]:
    with browser_page(root, height=1100) as opened:
        yield opened


def test_the_page_of_a_sweep_is_a_report(page: tuple[Any, str, Any], root: Path) -> None:
    tab, place, _ = page
    known = read_json(root / "sweep" / "run.json")
    tab.goto(f"{place}/#/experiments/{known['experiment_id']}/runs/{known['mlflow_run_id']}")
    tab.get_by_text("Which rate is best?").wait_for()
    tab.get_by_text("Show less").wait_for()  # it is unfolded
    picture = tab.locator("[data-testid=note-view-outer-container] img").first
    picture.wait_for(state="attached")
    tab.wait_for_timeout(1000)
    assert 300 < picture.bounding_box()["width"] <= 900
    assert tab.get_by_text(COMMAND).first.is_visible()
    row = tab.locator("td", has_text="optim.learning_rate=0.003").first
    assert row.is_visible()
    keep(tab, "sweep")
    tab.goto(f"{place}/{row.get_by_role('link').get_attribute('href')}")  # it opens a new tab
    tab.get_by_text("Parent run").first.wait_for()
    assert tab.get_by_text("optim.learning_rate=0.003").first.is_visible()


def test_the_charts_of_its_children(page: tuple[Any, str, Any]) -> None:
    tab, place, client = page
    tab.goto(view.page_of_newest_project(client, place) + "&compareRunsMode=CHART")
    tab.locator(".js-plotly-plot .lines").first.wait_for(state="attached")
    for name in RATES:
        tab.get_by_text(f"optim.learning_rate={name}").first.wait_for()
    keep(tab, "sweep-charts")


def test_two_children_compared(page: tuple[Any, str, Any], root: Path) -> None:
    tab, place, client = page
    project = read_json(root / "sweep" / "run.json")["experiment_id"]
    runs = client.search_runs([project], "tags.kind = 'run'", order_by=["start_time"])[:2]
    ids, where = (quote(json.dumps(x)) for x in ([run.info.run_id for run in runs], [project]))
    tab.goto(f"{place}/#/compare-runs?runs={ids}&experiments={where}")
    tab.get_by_text("Comparing 2 Runs").first.wait_for()
    for text in ("0.001", "0.003", "val/bits_per_byte"):
        tab.get_by_text(text, exact=True).first.wait_for(state="attached")
    keep(tab, "sweep-compare")
