"""Whole searches of fake jobs: found, pruned, stopped, killed, going on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from lmlab.config.compose import Composer
from lmlab.config.place import Places
from lmlab.sweep import gpus
from lmlab.sweep.run import run_sweep
from lmlab.track.folder import read_json
from tests.sweep.conftest import states, sweeps

pytest.importorskip("optuna", reason="the extra `search` is not installed")
WORKER = "tests.sweep.search_worker"
SPACE = ["optim.learning_rate=tag(log,interval(1e-6,1.0))", "arch.width=8,16,32,64"]


def search(folder: Path, *overrides: str) -> int:
    places = Places((folder / "conf",), (folder / "experiments",))
    return run_sweep(Composer(places), [*SPACE, *overrides], worker=WORKER)


def chosen(folder: Path) -> list[str]:
    (sweep,) = sweeps(folder)
    return [job["name"] for job in sweep["jobs"]]


def test_it_runs_so_many_trials_and_names_the_best(tree, capsys):
    assert search(tree, "sweep.trials=6") == 0
    assert states(tree) == ["finished"] * 6
    shown = capsys.readouterr().out
    assert "6 trials -> runs/sweeps/" in shown and "job 6/6 finished" in shown
    assert "best: " in shown and "(trial " in shown and "6 finished" in shown
    assert list(tree.glob("runs/sweeps/*/search.png"))
    assert search(tree, "sweep.trials=6") == 0 and "all have finished" in capsys.readouterr().out
    assert search(tree, "sweep.trials=7") == 0
    assert len(chosen(tree)) == 7 and len(list(tree.glob("runs/*/starts.txt"))) == 7


def test_trials_wait_for_a_gpu_of_their_own(tree, monkeypatch):
    monkeypatch.setattr(gpus, "count_gpus", lambda: 1)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert search(tree, "sweep.trials=3", "launcher.jobs=2") == 0
    found = [read_json(path) for path in tree.glob("runs/sweeps/*/jobs/*.state.json")]
    found.sort(key=lambda state: state["started"])
    assert [state["gpus"] for state in found] == [["0"]] * 3
    assert all(one["ended"] <= two["started"] for one, two in pairwise(found))


@pytest.mark.parametrize("rule", ["median", "halving"])
def test_bad_trials_are_stopped_and_marked(tree, monkeypatch, capsys, rule):
    monkeypatch.setenv("FAKE_SECONDS", "0.3")
    assert search(tree, "sweep.trials=10", f"sweep.prune={rule}", "launcher.jobs=3") == 0
    found = states(tree)
    assert set(found) == {"finished", "pruned"} and found.count("finished") >= 2
    (sweep,) = sweeps(tree)
    for job in sweep["jobs"]:
        run = tree / "runs" / job["folder"]
        assert (run / "finished.txt").exists() == (job["state"] == "finished")
        assert json.loads((run / "run.json").read_text())["status"] == job["state"]
        events = (run / "track" / "events.jsonl").read_text()
        assert ('"pruned"' in events) == (job["state"] == "pruned")
    assert f"{found.count('pruned')} pruned" in capsys.readouterr().out
    starts = len(list(tree.glob("runs/*/starts.txt")))
    assert search(tree, "sweep.trials=10", f"sweep.prune={rule}") == 0  # nothing is run again
    assert states(tree) == found and len(list(tree.glob("runs/*/starts.txt"))) == starts
    for run in tree.glob("runs/*/run.json"):  # as a launcher that died before it could say so
        run.write_text(run.read_text().replace('"pruned"', '"interrupted"'))
    assert search(tree, "sweep.trials=10", f"sweep.prune={rule}") == 0
    marks = [run.read_text() for run in tree.glob("runs/*/run.json")]
    assert sum('"pruned"' in mark for mark in marks) == found.count("pruned")


def test_a_killed_search_goes_on_as_if_nothing_had_been(tree, monkeypatch):
    assert search(tree, "sweep.trials=7") == 0
    want = chosen(tree)
    (whole,) = tree.glob("runs")
    whole.rename(tree / "whole")
    monkeypatch.setenv("FAKE_SECONDS", "0.1")
    command = [sys.executable, "-c", _MAIN, str(tree)]
    for number in (2, 5):
        process = subprocess.Popen(command, cwd=tree, env=os.environ)
        end = time.monotonic() + 60
        while len(list(tree.glob("runs/*/starts.txt"))) < number:
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert search(tree, "sweep.trials=7") == 0
    assert chosen(tree) == want
    finished = [path.read_text().split() for path in tree.glob("runs/*/finished.txt")]
    assert len(finished) == 7 and all(len(times) == 1 for times in finished)


_MAIN = """
import sys
from pathlib import Path
from tests.sweep.test_search import search
sys.exit(search(Path(sys.argv[1]), "sweep.trials=7"))
"""


def test_sweep_resume_goes_on_and_refuses_another_search(tree, capsys):
    assert search(tree, "sweep.trials=2") == 0
    (folder,) = tree.glob("runs/sweeps/*")
    places = Places((tree / "conf",), (tree / "experiments",))
    words = [f"sweep.resume={folder.name}", "sweep.trials=3"]
    assert run_sweep(Composer(places), words, worker=WORKER) == 0 and len(chosen(tree)) == 3
    with pytest.raises(Exception, match="it is another search"):
        search(tree, "seed=5", "sweep.trials=3", f"sweep.resume={folder.name}")


def test_a_small_space_ends_when_every_point_was_tried(tree, capsys):
    places = Places((tree / "conf",), (tree / "experiments",))
    words = ["arch.width=8,16", "sweep.trials=9"]
    assert run_sweep(Composer(places), words, worker=WORKER) == 0
    assert states(tree) == ["finished"] * 2
    assert "no point of the search is left to try after 2 trials" in capsys.readouterr().out


def test_a_metric_that_jobs_do_not_have_is_named(tree):
    with pytest.raises(ValueError, match="sweep.metric=val/accuracy: job 1 ended without it"):
        search(tree, "sweep.trials=3", "sweep.metric=val/accuracy")
