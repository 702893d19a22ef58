from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lmlab.__main__ import main
from lmlab.config.error import ConfigError
from lmlab.sweep.report import markdown, table_rows
from lmlab.sweep.result import Result
from tests.config.fake import write
from tests.conftest import ROOT
from tests.sweep.driver import sweep

MANY = """
experiment:
  question: Is one seed luckier?
  source: nobody
  expect: child("seed=1").val/loss_nats != child("seed=2").val/loss_nats
  cost: nothing
  sweep: {seed: [1, 2]}
  figure: {kind: scatter, x: seed, y: val/loss_nats}
"""


def test_rows_have_the_metrics_that_there_are():
    results = [
        Result(
            "a",
            "finished",
            Path("runs/x"),
            metrics={"val/loss_nats": 1.25, "val/odd": 2.0, "x/y": 1.0},
        ),
        Result("b|c", "waiting", None),
    ]
    rows = table_rows(results)
    assert rows[0] == {
        "job": "a",
        "state": "finished",
        "val/loss_nats": 1.25,
        "val/odd": 2.0,
        "run": "x",
    }
    assert markdown(rows)[2:] == ["| a | finished | 1.25 | 2 | x |", "| b\\|c | waiting |  |  |  |"]


def test_an_experiment_is_judged_over_its_jobs_and_drawn(tree, capsys):
    write(tree / "experiments" / "many.yaml", MANY)
    assert sweep(tree, "experiment=many") == 0
    out = capsys.readouterr().out
    assert "verdict: holds: child" in out and "figure: runs/sweeps/many-" in out
    (folder,) = tree.glob("runs/sweeps/many-*")
    assert json.loads((folder / "table.json").read_text())["columns"][:2] == ["job", "state"]
    assert (folder / "figure.png").is_file()


def test_an_unfinished_sweep_has_no_verdict_yet(tree, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAIL", "2")
    write(tree / "experiments" / "many.yaml", MANY)
    assert sweep(tree, "experiment=many") == 1
    assert "verdict: unfinished" in capsys.readouterr().out
    monkeypatch.delenv("FAKE_FAIL")
    assert sweep(tree, "sweep.resume=" + next(tree.glob("runs/sweeps/*")).name) == 0
    assert "verdict: holds" in capsys.readouterr().out


RANKED = """
experiment:
  question: Does the paper's order show?
  source: nobody
  expect: rank_correlation(val/loss_nats, published/score) < 2
  cost: nothing
  sweep:
    jobs:
      - {seed: 1, published: {row: "Encoder-decoder, denoising", score: 83.28}}
      - {seed: 2, published: 74.7}
  ranking: {metric: val/loss_nats, better: lower}
"""


def test_jobs_with_published_figures_are_ranked_beside_them(tree, capsys):
    write(tree / "experiments" / "ranked.yaml", RANKED)
    assert sweep(tree, "experiment=ranked") == 0
    out = capsys.readouterr().out
    assert "Encoder-decoder, denoising" in out and "over 2 rows" in out
    (folder,) = tree.glob("runs/sweeps/ranked-*")
    kept = json.loads((folder / "ranking.json").read_text())
    assert kept["columns"] == ["row", "val/loss_nats", "rank", "published", "published rank"]
    assert [row[0] for row in kept["data"]] == ["Encoder-decoder, denoising", "seed=2"]
    assert (folder / "ranking.png").is_file()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("published: 74.7", "published: high", "must be a number, or {row: a name, score"),
        ("published: 74.7", "published: {raw: x, score: 1}", "must be a number, or {row: a name"),
        ("better: lower", "beter: lower", "did you mean better"),
    ],
)
def test_a_wrong_published_figure_or_ranking_is_refused_before_any_job(tree, old, new, said):
    write(tree / "experiments" / "ranked.yaml", RANKED.replace(old, new))
    with pytest.raises(ConfigError, match=re.escape(said)):
        sweep(tree, "experiment=ranked")
    assert not list(tree.glob("runs/sweeps/*"))


@pytest.mark.slow
def test_what_jobs_have_answered_is_in_the_parents_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    words = ["-m", "stage=plan", "arch=gpt_1m,gpt_3m", "launcher.jobs=2"]
    assert main([*words, "budget.tokens=1e9", f"run.root={tmp_path}"]) == 0, capsys.readouterr()
    (folder,) = tmp_path.glob("sweeps/*")
    run = json.loads((folder / "run.json").read_text())["mlflow_run_id"]
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    files = {item.path for item in client.list_artifacts(run)}
    assert "table.json" in files and sum(name.endswith("-report.md") for name in files) == 2
    note = client.get_run(run).data.tags["mlflow.note.content"]
    assert "## [arch=gpt_1m](#/experiments/" in note and "## [arch=gpt_3m](" in note
