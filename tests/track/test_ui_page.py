"""The page of `lmlab ui` in a browser: the columns a person wants are there and readable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from lmlab.track import view
from lmlab.track.parent import finish_parent, start_parent
from tests.track.browser import browser_page, keep
from tests.track.conftest import pretend_to_train, start_run

HEADERS = ("val/bits_per_byte", "val/loss_nats", "train/loss_nats", "progress/tokens")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a sweep over three sizes."""
    root = tmp_path_factory.mktemp("page") / "runs"
    parent = start_parent(
        folder=root / "sweep",
        root=root,
        uri=None,
        project="lmlab",
        name="arch: gpt_1m, gpt_3m, gpt_10m",
        tags={"stage": "pretrain"},
        note="",
    )
    tags = {"stage": "pretrain", "objective": "clm", "data": "stdlib", "optim": "adamw"}
    tags |= {"hardware": "auto", "params.total": "1312256", "init_from": "random weights"}
    for number, (arch, bits) in enumerate([("gpt_1m", 1.4), ("gpt_3m", 1.25), ("gpt_10m", 1.1)]):
        run = start_run(
            root,
            name=f"arch={arch}",
            tags=tags | {"arch": arch},
            params={"seed": "0", "arch": arch},
            parent_run_id=parent,
        )
        pretend_to_train(run, final_bits=bits, seed=number)
        run.set_tags({"verdict": "holds"})
        run.finalize("finished")
    finish_parent(folder=root / "sweep", root=root, uri=None, status="finished", intro="a sweep")
    return root


@pytest.fixture(scope="module")
def page(sweep: Path) -> Iterator[tuple[Any, str, Any]]:
    with browser_page(sweep, height=900) as opened:
        yield opened


def test_the_runs_table(page: tuple[Any, str, Any]) -> None:
    tab, place, client = page
    tab.goto(view.page_of_newest_project(client, place))
    tab.get_by_text("arch=gpt_10m").first.wait_for()
    for header in (*HEADERS, "speed/tokens_per_second", "arch", "objective", "data", "stage"):
        cell = tab.locator(".ag-header-cell", has_text=header).first
        cell.wait_for()
        label = cell.get_by_text(header, exact=True).first
        assert label.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), header
        assert cell.bounding_box()["x"] + 40 < 1600, header
    names = [tab.get_by_text(f"arch=gpt_{size}").first for size in ("10m", "3m", "1m")]
    heights = [name.bounding_box()["y"] for name in names]
    assert heights == sorted(heights)  # the best first, out of their sweep
    assert not tab.get_by_text("closed by lmlab").count()
    assert not tab.get_by_text("MLflow Assistant").first.is_visible()
    keep(tab, "runs")


def test_the_charts(page: tuple[Any, str, Any]) -> None:
    tab, place, client = page
    tab.goto(view.page_of_newest_project(client, place) + "&compareRunsMode=CHART")
    for metric in ("val/bits_per_byte", "val/loss_nats", "val/perplexity"):
        tab.get_by_text(metric, exact=True).first.wait_for()
    tab.locator(".js-plotly-plot .lines").first.wait_for(state="attached")
    assert tab.get_by_text("val/loss_nats", exact=True).first.bounding_box()["y"] < 900
    keep(tab, "charts")


def test_two_runs_compared(page: tuple[Any, str, Any]) -> None:
    tab, place, client = page
    experiment = client.get_experiment_by_name("lmlab").experiment_id
    runs = client.search_runs([experiment], "tags.kind = 'run'", order_by=["start_time"])[:2]
    ids = quote(json.dumps([run.info.run_id for run in runs]))
    tab.goto(f"{place}/#/compare-runs?runs={ids}&experiments={quote(json.dumps([experiment]))}")
    tab.get_by_text("Comparing 2 Runs").first.wait_for()
    keep(tab, "compare-top")
    for text in ("arch=gpt_1m", "arch=gpt_3m", *HEADERS, "gpt_1m", "gpt_3m"):
        tab.get_by_text(text, exact=True).first.wait_for(state="attached")
    tab.get_by_text("Visualizations").first.click()  # folds the plot: the figures move up
    row = tab.get_by_text("progress/tokens", exact=True).last
    row.hover()
    tab.mouse.move(1000, row.bounding_box()["y"])
    tab.mouse.wheel(0, 300)  # the table of metrics shows seven at a time
    name = tab.get_by_text("val/bits_per_byte", exact=True).last
    bits = runs[0].data.metrics["val/bits_per_byte"]
    value = tab.get_by_text(f"{bits:.3f}".rstrip("0"), exact=True).last
    tab.wait_for_timeout(500)
    assert abs(name.bounding_box()["y"] - value.bounding_box()["y"]) < 15  # beside each other
    name.scroll_into_view_if_needed()
    keep(tab, "compare")
