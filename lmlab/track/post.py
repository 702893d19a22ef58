"""What each kind of event becomes in MLflow. Everything here may be sent again without harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lmlab.track import summary
from lmlab.track.folder import Event
from lmlab.track.view import COLOR, color_after

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

MAX_TAG, MAX_PARAM, MAX_TABLES = 8000, 6000, 20
PENDING = "pending:"  # how a parent without a run id yet is named, before its key


class Post:
    """One run of a store; `start` finds or creates it where its id is not known yet."""

    def __init__(self, client: MlflowClient, experiment_id: str, run_id: str | None) -> None:
        self.client, self.experiment_id, self._run_id = client, experiment_id, run_id

    @property
    def run_id(self) -> str:
        """The id of the run. Raises: LookupError before `start`."""
        if self._run_id is None:
            raise LookupError("the first event of a run must be its start")
        return self._run_id

    def start(self, event: Event) -> None:
        """Create the run (once, by its key), or take the id of the one it continues."""
        parent, tags = event["parent"], event["tags"]
        if parent and parent.startswith(PENDING):
            key = parent.removeprefix(PENDING)
            parent = self._find(key) or self._create(key, "sweep", event["ms"], {})
        if parent:
            tags = tags | {"mlflow.parentRunId": parent}
        known = self._run_id or event["run_id"] or self._find(event["key"])
        if known is None:
            self._run_id = self._create(event["key"], event["name"], event["ms"], tags)
            return
        self._run_id = known
        self.client.update_run(self.run_id, status="RUNNING", name=event["name"])
        self.tags({"tags": tags})

    def resume(self, event: Event) -> None:
        """The run goes on under the same id."""
        self.client.update_run(self.run_id, status="RUNNING")
        self.tags({"tags": event["tags"]})

    def params(self, event: Event) -> None:
        """Parameters cannot change in MLflow: one that did becomes a tag of the resume."""
        from mlflow.entities import Param

        known = self.client.get_run(self.run_id).data.params
        wanted = {key: value[:MAX_PARAM] for key, value in event["params"].items()}
        for chunk in _hundreds({k: v for k, v in wanted.items() if k not in known}):
            self.client.log_batch(self.run_id, params=[Param(k, v) for k, v in chunk.items()])
        changed = [f"{k}: {known[k]} -> {v}" for k, v in wanted.items() if known.get(k, v) != v]
        if changed:
            self.tags({"tags": {f"lmlab.resume.{event['resume']}.changed": "; ".join(changed)}})

    def tags(self, event: Event) -> None:
        """Tags; too long ones are cut."""
        from mlflow.entities import RunTag

        for chunk in _hundreds(event["tags"]):
            tags = [RunTag(key[:250], value[:MAX_TAG]) for key, value in chunk.items()]
            self.client.log_batch(self.run_id, tags=tags)

    def metrics(self, events: list[Event], maybe_there: bool) -> int:
        """Points of several steps in one request; returns how many were not there yet."""
        from mlflow.entities import Metric

        points = [
            Metric(key, value, event["ms"], event["step"])
            for event in events
            for key, value in event["values"].items()
        ]
        if maybe_there:
            points = self._missing(points)
        if points:
            self.client.log_batch(self.run_id, metrics=points)
        return len(points)

    def file(self, event: Event, path: Path) -> int:
        """An artifact; returns how many were sent (a file that is gone is left out)."""
        if not path.exists():
            return 0
        folder = str(Path(event["to"]).parent)
        self.client.log_artifact(self.run_id, str(path), None if folder == "." else folder)
        if event.get("table"):
            self._list_table(event["to"])
        return 1

    def status(self, event: Event) -> None:
        """RUNNING again, or one of the ends: FINISHED, FAILED, KILLED."""
        if event["status"] == "RUNNING":
            self.client.update_run(self.run_id, status="RUNNING")
        else:
            self.client.set_terminated(self.run_id, event["status"], event["ms"])

    def summary(self, event: Event) -> None:
        """The table of a parent's children, as its note."""
        children = summary.children(self.client, self.experiment_id, self.run_id)
        text = summary.table(children, event["intro"])
        self.tags({"tags": {"mlflow.note.content": text} | summary.best(children)})

    # ---- pieces

    def _find(self, key: str) -> str | None:
        found = self.client.search_runs([self.experiment_id], f"tags.`lmlab.key` = '{key}'")
        return str(found[0].info.run_id) if found else None

    def _create(self, key: str, name: str, start_ms: int, tags: dict[str, str]) -> str:
        newest = self.client.search_runs([self.experiment_id], max_results=1)
        color = color_after(newest[0].data.tags.get(COLOR) if newest else None)
        tags = {key[:250]: value[:MAX_TAG] for key, value in tags.items()}
        tags |= {"lmlab.key": key, COLOR: color}
        run = self.client.create_run(self.experiment_id, start_ms, tags, name)
        return str(run.info.run_id)

    def _missing(self, points: list[Metric]) -> list[Metric]:
        there = {
            (key, point.step, point.timestamp)
            for key in {point.key for point in points}
            for point in self.client.get_metric_history(self.run_id, key)
        }
        return [point for point in points if (point.key, point.step, point.timestamp) not in there]

    def _list_table(self, path: str) -> None:
        """Tell the page of the run that an artifact is a table."""
        name = "mlflow.loggedArtifacts"
        listed = json.loads(self.client.get_run(self.run_id).data.tags.get(name, "[]"))
        entry = {"path": path, "type": "table"}
        if entry not in listed:
            self.tags({"tags": {name: json.dumps([*listed, entry][-MAX_TABLES:])}})


def _hundreds(values: dict[str, str]) -> Iterator[dict[str, str]]:
    items = list(values.items())
    for start in range(0, len(items), 100):
        yield dict(items[start : start + 100])
