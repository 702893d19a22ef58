"""Delivery to a store that keeps points twice when they are sent twice."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lmlab.track import store
from lmlab.track.deliver import MAX_POINTS, Delivery
from lmlab.track.folder import Folder


class Forgetful:
    """A client whose store takes a request and may fail to answer it, or fail before it."""

    def __init__(self, seed: int, failures: float) -> None:
        self.luck, self.failures = random.Random(seed), failures
        self.points: list[Any] = []
        self.runs: list[dict[str, str]] = []
        self.sizes: list[int] = []

    def _maybe_fail(self) -> None:
        if self.luck.random() < self.failures:
            raise ConnectionError("the server went away")

    def log_batch(self, run_id: str, metrics: tuple[Any, ...] = (), **others: Any) -> None:
        self._maybe_fail()
        self.points += metrics
        self.sizes.append(len(metrics))
        self._maybe_fail()

    def get_metric_history(self, run_id: str, key: str) -> list[Any]:
        self._maybe_fail()
        return [point for point in self.points if point.key == key]

    def create_run(self, experiment: str, ms: int, tags: dict[str, str], name: str) -> Any:
        self._maybe_fail()
        self.runs.append(tags)
        self._maybe_fail()
        return SimpleNamespace(info=SimpleNamespace(run_id="run"))

    def search_runs(
        self, experiments: list[str], rule: str = "", max_results: int = 1
    ) -> list[Any]:
        self._maybe_fail()
        info = SimpleNamespace(run_id="run")
        return [SimpleNamespace(info=info, data=SimpleNamespace(tags=t)) for t in self.runs]

    def update_run(self, run_id: str, **changes: Any) -> None:
        self._maybe_fail()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_fails_every_point_arrives_once(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Forgetful(seed, failures=0.3)
    monkeypatch.setattr(store, "connect", lambda uri: client)
    monkeypatch.setattr(store, "experiment_id", lambda *args: "1")
    folder = Folder(tmp_path)
    folder.open()
    delivery = Delivery(folder, uri="http://x", root=tmp_path, project="lmlab")
    folder.append("start", key="k", name="n", tags={}, parent=None, run_id=None)
    for step in range(60):
        folder.append("metrics", step=step, values={"a": 1.0, "b": float(step)})
        if client.luck.random() < 0.3:  # the process was killed; another one sends
            delivery = Delivery(folder, uri="http://x", root=tmp_path, project="lmlab")
        _try(delivery)
    while delivery.pending():
        _try(delivery)
    assert [(p.key, p.step) for p in client.points if p.key == "a"] == [("a", s) for s in range(60)]
    assert len(client.points) == 120 and len(client.runs) == 1
    assert folder.sent() == folder.size()


def _try(delivery: Delivery) -> None:
    try:
        delivery.send()
    except ConnectionError:
        pass


def test_points_go_in_few_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Forgetful(0, failures=0.0)
    monkeypatch.setattr(store, "connect", lambda uri: client)
    monkeypatch.setattr(store, "experiment_id", lambda *args: "1")
    folder = Folder(tmp_path)
    folder.open()
    folder.append("start", key="k", name="n", tags={}, parent=None, run_id=None)
    for step in range(600):
        folder.append("metrics", step=step, values={"a": 1.0, "b": 2.0})
    Delivery(folder, uri="http://x", root=tmp_path, project="lmlab").send()
    assert client.sizes == [MAX_POINTS, MAX_POINTS, 200]
