from __future__ import annotations

import pytest

from tests.config.fake import write
from tests.sweep.conftest import sweeps
from tests.sweep.driver import sweep

pytest.importorskip("optuna", reason="the extra `search` is not installed")
WORDS = ["optim.learning_rate=tag(log,interval(1e-6,1.0))", "seed=1,2,3", "sweep.trials=3"]


def test_the_best_trial_and_a_figure(tree, capsys):
    assert sweep(tree, *WORDS) == 0
    (found,) = sweeps(tree)
    losses = {}
    for job in found["jobs"]:
        text = (tree / "runs" / job["folder"] / "finished.txt").read_text()
        losses[job["name"]] = int(text) / 100
    best = min(losses, key=losses.__getitem__)
    shown = capsys.readouterr().out
    assert f"best: {best}: val/loss_nats {losses[best]:.4g} (trial" in shown
    assert "3 finished" in shown and list(tree.glob("runs/sweeps/*/search.png"))


def test_without_one_that_finished_it_says_so(tree, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAIL", "1,2,3")
    assert sweep(tree, *WORDS) == 1
    assert "no trial has finished (3 failed)" in capsys.readouterr().out


def test_an_expectation_is_judged_over_the_trials(tree, capsys):
    write(
        tree / "experiments" / "rates.yaml",
        """
        # @package _global_
        experiment:
          question: Is any of them good?
          source: nobody
          expect: min(val/loss_nats) < 100
          cost: nothing
          sweep: {optim.learning_rate: {low: 1e-6, high: 1, log: true}}
        sweep: {trials: 2}
        """,
    )
    assert sweep(tree, "experiment=rates") == 0
    assert "verdict: holds" in capsys.readouterr().out
