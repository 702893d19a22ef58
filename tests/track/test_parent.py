"""One parent and N children, with and without a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lmlab.track.parent import finish_parent, start_parent
from lmlab.track.sync import sync_all
from tests.track.conftest import Wire, start_run


def start(root: Path, uri: str | None = None) -> str:
    return start_parent(
        folder=root / "sweep",
        root=root,
        uri=uri,
        project="lmlab",
        name="arch: gpt_1m, gpt_3m",
        tags={"stage": "pretrain"},
        note="a sweep",
        request_seconds=1.0,
    )


def children(root: Path, parent: str, uri: str | None = None) -> None:
    for name, bits in (("arch=gpt_1m", 1.5), ("arch=gpt_3m", 1.25), ("arch=gpt_10m", 1.125)):
        run = start_run(root, name=name, parent_run_id=parent, uri=uri, request_seconds=1.0)
        run.log_metrics({"val/bits_per_byte": bits, "progress/tokens": 1_000_000}, 10)
        run.finalize("finished")


def check(client: MlflowClient, run_id: str) -> None:
    parent = client.get_run(run_id)
    assert parent.info.status == "FINISHED" and parent.info.run_name == "arch: gpt_1m, gpt_3m"
    rule = f"tags.`mlflow.parentRunId` = '{run_id}'"
    found = client.search_runs([parent.info.experiment_id], rule)
    names = {run.info.run_name for run in found}
    assert names == {"arch=gpt_1m", "arch=gpt_3m", "arch=gpt_10m"}
    note = parent.data.tags["mlflow.note.content"].splitlines()
    assert note[0] == "3 jobs"
    assert note[4] == "| arch=gpt_10m | finished | 1.125 |  | 1,000,000 |"
    assert parent.data.tags["best"] == "arch=gpt_10m (1.125)"


def test_a_sweep_is_a_parent_with_its_children(
    root: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "not a run")
    parent = start(root)
    children(root, parent)
    done = finish_parent(
        folder=root / "sweep", root=root, uri=None, status="finished", intro="3 jobs"
    )
    assert done
    check(client, parent)


def test_a_sweep_keeps_files_and_metrics_of_its_own(root: Path, client: MlflowClient) -> None:
    parent = start(root)
    (root / "sweep" / "points.json").write_text('{"columns": ["x"], "data": [[1]]}')
    (root / "sweep" / "metrics.json").write_text('{"scaling/alpha": 0.34}')
    for value in (0.33, 0.34, 0.34):
        finish_parent(
            folder=root / "sweep", root=root, uri=None, status="finished",
            files=("points.json", "metrics.json"), metrics={"scaling/alpha": value},
        )  # fmt: skip
    assert [p.value for p in client.get_metric_history(parent, "scaling/alpha")] == [0.33, 0.34]
    assert {file.path for file in client.list_artifacts(parent)} == {"points.json", "metrics.json"}
    tables = client.get_run(parent).data.tags["mlflow.loggedArtifacts"]
    assert "points.json" in tables and "metrics.json" not in tables


def test_a_sweep_that_goes_on_keeps_its_parent(root: Path, client: MlflowClient) -> None:
    parent = start(root)
    finish_parent(folder=root / "sweep", root=root, uri=None, status="failed")
    assert client.get_run(parent).info.status == "FAILED"
    assert start(root) == parent and client.get_run(parent).info.status == "RUNNING"


def test_a_sweep_without_a_server_is_whole_after_the_sync(
    served: tuple[str, Path], wire: Wire, tmp_path: Path
) -> None:
    wire.cut()
    parent = start(tmp_path, wire.address)
    assert parent.startswith("pending:")
    children(tmp_path, parent, wire.address)
    done = finish_parent(
        folder=tmp_path / "sweep",
        root=tmp_path,
        uri=wire.address,
        status="finished",
        intro="3 jobs",
    )
    assert not done
    wire.mend()
    lines: list[str] = []
    assert sync_all(tmp_path, say=lines.append) == 0
    assert len(lines) == 4 and lines[-1].startswith("sweep: ")
    client = MlflowClient(tracking_uri=served[0])
    project = client.get_experiment_by_name("lmlab")
    assert project is not None
    [found] = client.search_runs(
        [project.experiment_id], f"tags.`lmlab.key` = '{parent.removeprefix('pending:')}'"
    )
    check(client, found.info.run_id)


def test_a_launcher_needs_no_torch() -> None:
    code = "import sys, lmlab.track.parent, lmlab.track.sync, lmlab.track.ui; print([m for m in "
    code += "('torch', 'lightning', 'mlflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
