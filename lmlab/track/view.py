"""What the runs page of MLflow shows of a project: its columns, their order, its charts.

MLflow keeps a shared view of an experiment as a tag; an address that names the view opens it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME = "lmlab"
COLOR = "mlflow.runColor"
# Of one run after the other, so that those compared are told apart (Okabe and Ito's, less yellow).
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#7b3294")
TAG = f"mlflow.sharedViewState.{NAME}"
# Column and its width in pixels, from left to right.
COLUMNS = {
    "metrics.`val/bits_per_byte`": 130,
    "metrics.`val/loss_nats`": 100,
    "metrics.`train/loss_nats`": 106,
    "metrics.`progress/tokens`": 114,
    "metrics.`speed/tokens_per_second`": 170,
    "tags.`arch`": 90,
    "tags.`objective`": 80,
    "tags.`data`": 66,
    "tags.`stage`": 76,
    "tags.`verdict`": 76,
    "attributes.`Duration`": 76,
    "attributes.`Created`": 140,
}
CHARTS = (
    "val/bits_per_byte",
    "val/loss_nats",
    "val/perplexity",
    "train/loss_nats",
    "train/grad_norm",
    "train/learning_rate",
    "speed/tokens_per_second",
    "speed/model_flop_utilization",
    "progress/tokens",
    "progress/flops",
)


def state() -> dict[str, Any]:
    """The view as MLflow's page reads it."""
    sections = dict.fromkeys(metric.split("/")[0] for metric in CHARTS)
    return {
        "selectedColumns": list(COLUMNS),
        "columnOrder": list(COLUMNS),
        "columnWidths": COLUMNS,
        "compareRunSections": [_section(name) for name in sections],
        "compareRunCharts": [_chart(metric) for metric in CHARTS],
        "isAccordionReordered": True,
        # The best first; any order but that of time also takes children out of their sweeps.
        "orderByKey": "metrics.`val/bits_per_byte`",
        "orderByAsc": True,
        "searchFilter": "tags.kind = 'run'",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
    }


def color_after(color: str | None) -> str:
    """The color of a run that comes after one of `color`."""
    return COLORS[(COLORS.index(color) + 1) % len(COLORS) if color in COLORS else 0]


def _section(name: str) -> dict[str, Any]:
    shown = {"display": True, "isReordered": True, "deleted": False, "isGenerated": True}
    return {"uuid": f"lmlab-{name}", "name": name, **shown}


def _chart(metric: str) -> dict[str, Any]:
    section, _, name = metric.partition("/")
    return {
        "uuid": f"lmlab-{metric}",
        "type": "LINE",
        "runsCountToCompare": 10,
        "metricSectionId": f"lmlab-{section}",
        "deleted": False,
        "isGenerated": True,
        "displayName": name,
        "metricKey": metric,
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def experiment_tags() -> dict[str, str]:
    """Tags of every experiment that lmlab creates."""
    return {TAG: json.dumps(state()), "mlflow.experimentKind": "custom_model_development"}


def runs_page(address: str, experiment_id: str) -> str:
    """Address of a project's runs with the columns above."""
    query = f"viewStateShareKey={NAME}&workflowType=machine_learning"
    return f"{address.rstrip('/')}/#/experiments/{experiment_id}/runs?{query}"


def page_of_newest_project(client: MlflowClient, address: str) -> str:
    """The runs page of the project that ran last; its view is brought up to date."""
    projects = [found.experiment_id for found in client.search_experiments()]
    runs = client.search_runs(projects, order_by=["attributes.start_time DESC"], max_results=1)
    if not runs:
        return address
    experiment = runs[0].info.experiment_id
    for key, value in experiment_tags().items():
        client.set_experiment_tag(experiment, key, value)
    return runs_page(address, experiment)
