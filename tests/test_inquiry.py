"""Jobs that need no model: from the command to the answer, on the screen, in the folder, tracked."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lmlab.__main__ import main
from tests.conftest import ROOT
from tests.scaling.synthetic import grid
from tests.test_tracked import grid as mini  # noqa: F401


def only_run(root: Path) -> Path:
    return next(path.parent for path in root.glob("*/config.yaml"))


def test_a_plan_of_gpt_3_takes_less_than_five_seconds(tmp_path):
    """The figures are those of the tables: 175B (S4-01), 3.14e23 FLOPs and 300B tokens (GPT-3)."""
    words = ["stage=plan", "arch=gpt_175b", "hardware.nodes=128", "track=none"]
    command = [sys.executable, "-m", "lmlab", *words, f"run.root={tmp_path}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 5.0
    assert "174,604,259,328 parameters" in done.stdout and "128 H100" in done.stdout
    found = json.loads((only_run(tmp_path) / "metrics.json").read_text())
    assert found["plan/params"] == pytest.approx(175e9, rel=0.01)
    assert found["plan/tokens"] == pytest.approx(300e9, rel=1e-4)
    blocks = 4 / 3 * 3.14e23  # with the forward pass of every block done again
    assert found["plan/flops"] == pytest.approx(blocks, rel=0.03)
    assert found["plan/chinchilla_tokens"] == pytest.approx(20 * 174.6e9, rel=1e-3)


def test_a_plan_is_of_the_hardware_that_is_composed(tmp_path, capsys):
    words = ["stage=plan", "arch=gpt_xl", "hardware=mesh", "track=none", f"run.root={tmp_path}"]
    assert main(words) == 0
    assert "DDP, tensor 4 on 8" in capsys.readouterr().out
    assert main([*words, "hardware.rules.heads=null"]) != 0
    assert "stage.strategy and" in " ".join(capsys.readouterr().err.split())


def test_a_scaling_law_of_a_file_is_tracked_with_its_verdict(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    points = grid(4, 5, noise=0.002)
    rows = zip(points.params, points.tokens, points.loss, strict=True)
    lines = [",".join(repr(float(value)) for value in row) for row in rows]
    Path("grid.csv").write_text("params,tokens,loss\n" + "\n".join(lines))
    code = main(["stage=scaling_law", "stage.csv=grid.csv", "stage.num_draws=50"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "Chinchilla" in said.out
    run = only_run(tmp_path / "runs")
    names = {path.name for path in run.iterdir()}
    assert {"report.md", "isoflop.png", "contour.pdf", "approaches.csv", "metrics.json"} <= names
    client = MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    known = json.loads((run / "run.json").read_text())
    tracked = client.get_run(known["mlflow_run_id"])
    assert tracked.data.tags["stage"] == "scaling_law" and known["status"] == "finished"
    assert "Chinchilla" in tracked.data.tags["mlflow.note.content"]
    assert 0.4 < tracked.data.metrics["scaling/size_exponent_approach_3"] < 0.6
    inside = {item.path for item in client.list_artifacts(tracked.info.run_id, "report")}
    assert {"report/isoflop.png", "report/residual.pdf"} <= inside


def test_the_page_links_the_sweep_that_was_read(mini, capsys):  # noqa: F811
    root, parent = mini
    words = ["stage=curves", "stage.runs=[mini-1234]", "stage.y={train/loss_nats: loss}"]
    assert main([*words, f"run.root={root}"]) == 0, capsys.readouterr().err
    run = next(root.glob("*stage-curves*"))
    known = json.loads((run / "run.json").read_text())
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    page = client.get_run(known["mlflow_run_id"]).data.tags["mlflow.note.content"]
    assert page.startswith("Read: [mini-1234](#/experiments/") and f"/runs/{parent})" in page


def test_a_mistake_is_one_sentence_and_leaves_no_folder(tmp_path, capsys):
    code = main(["stage=scaling_law", "stage.runs=[gone]", f"run.root={tmp_path}", "track=none"])
    assert code == 2 and "stage.runs=gone: neither a folder" in capsys.readouterr().err
    assert not list(tmp_path.glob("*/config.yaml"))
