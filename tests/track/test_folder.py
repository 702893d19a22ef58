"""The files of a run: what is written is read again, also after a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmlab.track.folder import Folder, run_id_of


def opened(path: Path) -> Folder:
    folder = Folder(path)
    folder.open()
    return folder


def test_events_are_numbered_lines(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.append("tags", tags={"a": "1"})
    folder.append("metrics", step=3, values={"b": 2.0})
    lines = [json.loads(line) for line in folder.events.read_text().splitlines()]
    assert [(line["n"], line["type"]) for line in lines] == [(1, "tags"), (2, "metrics")]
    assert [event for event, _ in folder.read(0)] == lines


@pytest.mark.parametrize("kept", range(0, 40, 7))
def test_a_line_cut_short_by_a_crash_is_left_out_and_the_next_is_whole(
    tmp_path: Path, kept: int
) -> None:
    folder = opened(tmp_path)
    folder.append("tags", tags={"a": "1"})
    whole = folder.size()
    folder.append("tags", tags={"a": "2"})
    folder.events.write_bytes(folder.events.read_bytes()[: whole + kept])
    again = opened(tmp_path)
    again.append("tags", tags={"a": "3"})
    assert [event["tags"]["a"] for event, _ in again.read(0)] == ["1", "3"]
    assert [event["n"] for event, _ in again.read(0)] == [1, 2]


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    for step in range(5):
        folder.append("metrics", step=step, values={"a": 1.0})
    ends = [end for _, end in folder.read(0)]
    folder.acknowledge(ends[2])
    assert Folder(tmp_path).sent() == ends[2]
    assert [event["step"] for event, _ in folder.read(ends[2])] == [3, 4]


def test_run_json_keeps_what_others_wrote(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"other": 1}')
    Folder(tmp_path).record(mlflow_run_id="abc")
    assert json.loads((tmp_path / "run.json").read_text()) == {"other": 1, "mlflow_run_id": "abc"}
    assert run_id_of(tmp_path) == "abc" and run_id_of(tmp_path / "none") is None


def test_another_store_starts_from_the_first_event(tmp_path: Path) -> None:
    folder = opened(tmp_path / "run")
    folder.use_store(f"sqlite:///{tmp_path}/mlflow.db", "lmlab")
    assert folder.known()["store"] == "sqlite:///mlflow.db"
    folder.record(mlflow_run_id="abc")
    folder.acknowledge(10)
    folder.use_store(f"sqlite:///{tmp_path}/mlflow.db", "lmlab")
    assert folder.sent() == 10 and run_id_of(folder.run_dir) == "abc"
    folder.use_store("http://me:canary@host:5000", "lmlab")
    assert folder.sent() == 0 and run_id_of(folder.run_dir) is None
    assert folder.known()["store"] == "http://host:5000"
