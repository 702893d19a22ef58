"""What events become in the store, within its limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lmlab.track import store
from lmlab.track.folder import Event
from lmlab.track.post import MAX_PARAM, MAX_TAG, Post


@pytest.fixture
def post(root: Path, client: MlflowClient) -> Post:
    uri = f"sqlite:///{root / 'mlflow.db'}"
    post = Post(client, store.experiment_id(client, "lmlab", uri, root), None)
    post.start({"key": "k", "name": "n", "ms": 5, "tags": {}, "parent": None, "run_id": None})
    return post


def test_a_run_is_created_once_whoever_asks(post: Post, client: MlflowClient) -> None:
    again = Post(client, post.experiment_id, None)
    again.start({"key": "k", "name": "n", "ms": 9, "tags": {}, "parent": None, "run_id": None})
    assert again.run_id == post.run_id
    assert client.get_run(post.run_id).info.start_time == 5


def test_an_event_before_the_start_is_refused(client: MlflowClient) -> None:
    with pytest.raises(LookupError, match="must be its start"):
        Post(client, "0", None).tags({"tags": {"a": "b"}})


def test_a_parent_without_an_id_is_found_or_made_by_its_key(
    post: Post, client: MlflowClient
) -> None:
    ids = []
    for name in ("a", "b"):
        child = Post(client, post.experiment_id, None)
        event: Event = {"key": name, "name": name, "ms": 6, "tags": {}, "run_id": None}
        child.start({**event, "parent": "pending:p"})
        ids.append(client.get_run(child.run_id).data.tags["mlflow.parentRunId"])
    assert ids[0] == ids[1] and client.get_run(ids[0]).data.tags["lmlab.key"] == "p"


def test_many_and_long_values_stay_within_the_limits(post: Post, client: MlflowClient) -> None:
    post.params({"params": {f"p{n}": "x" * 7000 for n in range(250)}, "resume": 0})
    post.tags({"tags": {"long": "y" * 9000}})
    data = client.get_run(post.run_id).data
    assert len(data.params) == 250 and {len(value) for value in data.params.values()} == {MAX_PARAM}
    assert len(data.tags["long"]) == MAX_TAG


def test_points_that_are_there_are_left_out(post: Post, client: MlflowClient) -> None:
    events = [{"ms": 7, "step": step, "values": {"a": 1.0}} for step in (1, 2, 3)]
    assert post.metrics(events[:2], maybe_there=False) == 2
    assert post.metrics(events, maybe_there=True) == 1
    assert [point.step for point in client.get_metric_history(post.run_id, "a")] == [1, 2, 3]


def test_a_table_is_listed_once(post: Post, client: MlflowClient, tmp_path: Path) -> None:
    path = tmp_path / "samples.json"
    path.write_text('{"columns": ["a"], "data": [["b"]]}')
    for _ in range(2):
        assert post.file({"to": "samples.json", "table": True}, path) == 1
    listed = client.get_run(post.run_id).data.tags["mlflow.loggedArtifacts"]
    assert json.loads(listed) == [{"path": "samples.json", "type": "table"}]
    assert post.file({"to": "gone.txt"}, tmp_path / "gone.txt") == 0
