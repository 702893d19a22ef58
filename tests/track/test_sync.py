"""`lmlab sync`: a line per run, and what was left behind is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lmlab.track.folder import Folder
from lmlab.track.sync import address, sync_all
from tests.track.conftest import Wire, start_run


def test_what_was_left_behind_is_sent_once(
    served: tuple[str, Path], wire: Wire, tmp_path: Path
) -> None:
    wire.cut()
    run = start_run(tmp_path, uri=wire.address, request_seconds=1.0)
    for step in range(3):
        run.log_metrics({"a": 1.0}, step)
    run.finalize("finished")
    lines: list[str] = []
    assert sync_all(tmp_path, say=lines.append, request_seconds=1.0) == 1
    wire.mend()
    assert sync_all(tmp_path / "first", say=lines.append) == 0
    assert sync_all(tmp_path, say=lines.append) == 0
    assert "does not answer" in lines[0] and "nothing is lost" in lines[0]
    assert lines[1:] == ["first: 3 points and 1 files sent", "first: everything was sent already"]
    history = MlflowClient(tracking_uri=served[0]).get_metric_history(str(run.run_id), "a")
    assert [point.step for point in history] == [0, 1, 2]


def test_a_run_in_progress_is_left_alone(root: Path, client: MlflowClient) -> None:
    run = start_run(root)
    assert run._sender.flush()
    lines: list[str] = []
    assert sync_all(root, say=lines.append) == 0
    assert lines == ["first: is running and sends its points itself"]
    run.finalize("finished")
    assert client.get_run(str(run.run_id)).info.status == "FINISHED"


def test_a_run_that_was_killed_is_said_to_be(root: Path, client: MlflowClient) -> None:
    run = start_run(root)
    assert run._sender.flush()
    run._sender.close()  # as the end of its process does
    with Folder(root / "first").lock.acquire(timeout=10):
        pass
    run._folder.append("metrics", step=1, values={"a": 1.0})
    assert sync_all(root, say=lambda line: None) == 0
    assert client.get_run(str(run.run_id)).info.status == "KILLED"
    assert json.loads((root / "first" / "run.json").read_text())["status"] == "killed"


def test_a_folder_without_runs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no tracked runs"):
        sync_all(tmp_path)


def test_the_address_has_the_credentials_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert address("http://host", tmp_path) == "http://host"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:canary@host")
    assert address("http://host", tmp_path) == "http://me:canary@host"
    assert address("http://other", tmp_path) == "http://other"
    assert address("sqlite:///mlflow.db", tmp_path / "r") == f"sqlite:///{tmp_path}/mlflow.db"
