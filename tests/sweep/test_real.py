"""One small sweep of real runs, killed once, in a real MLflow store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.conftest import ROOT

SMALL = [
    "arch.num_layers=1", "arch.width=16", "arch.num_heads=2", "arch.max_seq_len=32", "data.seq_len=32",
    "data.source.max_mb=0.5", "tokenizer=bytes", "batch.tokens=256", "budget.steps=40",
    "checkpoint.every_steps=5", "hardware=cpu",
]  # fmt: skip


def launch(folder: Path, *words: str) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_RUN_ID": "0" * 32, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lmlab", "-m", "seed=1,2", *SMALL, *words]
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True)


def children(folder: Path) -> dict[str, tuple[str, float]]:
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'runs' / 'mlflow.db'}")
    (project,) = [e for e in client.search_experiments() if e.name == "lmlab"]
    runs = client.search_runs([project.experiment_id])
    (parent,) = [run for run in runs if run.data.tags["kind"] == "sweep"]
    assert parent.info.status == "FINISHED" and "seed=1" in parent.data.tags["mlflow.note.content"]
    assert [file.path for file in client.list_artifacts(parent.info.run_id)] == ["table.json"]
    found = [run for run in runs if run.data.tags["kind"] == "run"]
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    return {r.info.run_name: (r.info.status, r.data.metrics["val/loss_nats"]) for r in found}


@pytest.mark.slow
def test_a_killed_sweep_ends_like_an_undisturbed_one(tmp_path: Path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = launch(tmp_path / "whole")
    assert whole.wait(300) == 0
    killed = launch(tmp_path / "killed")
    end = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("runs/*/checkpoints/step-*")):
        assert time.monotonic() < end and killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    again = launch(tmp_path / "killed")
    assert again.wait(300) == 0
    found = children(tmp_path / "killed")
    assert found == children(tmp_path / "whole")
    assert {name: status for name, (status, _) in found.items()} == {"seed=1": "FINISHED", "seed=2": "FINISHED"}  # fmt: skip


@pytest.mark.slow
def test_a_job_of_two_processes_runs_beside_one_of_one(tmp_path: Path):
    words = [text for text in SMALL if not text.startswith(("hardware=", "budget.", "checkpoint."))]
    words += ["hardware=cpu,ddp", "hardware.accelerator=cpu", "hardware.precision=fp32"]
    words += ["budget.steps=5", "arch.dropout=0", "track=none", "launcher.jobs=2"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lmlab", "-m", *words]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = tmp_path.glob("runs/sweeps/*")
    jobs = json.loads((folder / "sweep.json").read_text())["jobs"]
    one, two = [tmp_path / "runs" / job["folder"] for job in jobs]
    assert [job["state"] for job in jobs] == ["finished", "finished"]
    assert "2 processes (ddp)" in (folder / "jobs" / "002.txt").read_text()
    assert "processes" not in (folder / "jobs" / "001.txt").read_text()
    losses = [json.loads((run / "metrics.json").read_text())["val/loss_nats"] for run in (one, two)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
