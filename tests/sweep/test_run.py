"""Whole sweeps of fake jobs: parallel, failing, stopped, killed, going on."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lmlab.config.error import ConfigError
from tests.sweep.conftest import Start, outcome, states, sweeps, wait_for
from tests.sweep.driver import sweep

TWELVE = "seed=range(12)"


def test_every_job_is_a_process_and_the_threads_are_divided(tree, capsys):
    assert sweep(tree, "seed=1,2", "arch.width=8,16", "launcher.jobs=2") == 0
    assert states(tree) == ["finished"] * 4
    threads = {path.read_text() for path in tree.glob("runs/*/starts.txt")}
    assert threads == {f"0 {max(1, len(os.sched_getaffinity(0)) // 2)}\n"}
    shown = capsys.readouterr().out
    assert "job 1/4: seed=1 arch.width=8 -> runs/" in shown and "job 4/4 finished" in shown


def test_a_failure_is_said_with_its_overrides_and_the_others_finish(tree, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAIL", "3")
    assert sweep(tree, TWELVE, "launcher.jobs=4") == 1
    assert states(tree).count("finished") == 11 and states(tree)[3] == "failed"
    shown = capsys.readouterr()
    assert "job 4/12 failed (3): seed=3" in shown.err and "seed 3 is out of luck" in shown.err
    assert "failed: job 4 (seed=3)" in shown.out


def test_the_same_command_runs_what_is_left(tree, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAIL", "2")
    assert sweep(tree, "seed=1,2,3") == 1
    monkeypatch.delenv("FAKE_FAIL")
    assert sweep(tree, "seed=1,2,3") == 0
    assert "going on: 2 finished before" in capsys.readouterr().out
    assert [len(path.read_text().splitlines()) for path in sorted(tree.glob("runs/*/starts.txt"))] == [1, 2, 1]  # fmt: skip
    assert sweep(tree, "seed=1,2,3") == 0 and len(list(tree.glob("runs/*/starts.txt"))) == 3
    assert "all have finished" in capsys.readouterr().out


def test_a_failed_job_is_tried_again(tree, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAIL", "2:2")
    assert sweep(tree, "seed=1,2", "sweep.retries=1") == 1
    assert "it is tried again" in capsys.readouterr().err
    assert sweep(tree, "seed=1,2", "sweep.retries=1") == 0


def test_fail_fast_stops_the_others(tree, monkeypatch):
    monkeypatch.setenv("FAKE_FAIL", "0")
    monkeypatch.setenv("FAKE_SECONDS", "1")
    assert sweep(tree, "seed=range(4)", "sweep.fail_fast=true", "launcher.jobs=2") == 1
    assert states(tree) == ["failed", "stopped", "waiting", "waiting"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_lets_the_jobs_save(tree: Path, start: Start, monkeypatch, number, code):
    monkeypatch.setenv("FAKE_SECONDS", "0.2")
    process = start("seed=range(4)", "launcher.jobs=2")
    wait_for(tree, "runs/*/checkpoints/step.json", 2)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == code
    assert "go on: lmlab -m sweep.resume=seed-" in out
    assert states(tree) == ["stopped", "stopped", "waiting", "waiting"]
    monkeypatch.setenv("FAKE_SECONDS", "0")
    assert sweep(tree, f"sweep.resume={next(tree.glob('runs/sweeps/*')).name}") == 0
    assert [text.split()[-2] != "0" for text in starts(tree)] == [True, True, False, False]


def starts(folder: Path) -> list[str]:
    return [path.read_text() for path in sorted(folder.glob("runs/*/starts.txt"))]


def test_a_changed_grid_is_refused_with_the_difference_or_is_a_new_sweep(tree):
    assert sweep(tree, "seed=1,2") == 0
    name = next(tree.glob("runs/sweeps/*")).name
    with pytest.raises(ConfigError) as caught:
        sweep(tree, "seed=1,3", f"sweep.resume={name}")
    assert caught.value.lines[1:3] == ["  only now:  seed=3", "  only then: seed=2"]
    assert sweep(tree, "seed=1,3") == 0 and len(sweeps(tree)) == 2
    assert sweep(tree, "seed=1,2", "sweep.resume=new") == 0 and len(sweeps(tree)) == 3


def test_a_sweep_runs_once_at_a_time(tree: Path, start: Start, monkeypatch):
    monkeypatch.setenv("FAKE_SECONDS", "0.5")
    process = start("seed=1,2")
    wait_for(tree, "runs/*/starts.txt")
    with pytest.raises(ConfigError, match="is running already"):
        sweep(tree, "seed=1,2")
    process.terminate()
    process.wait()


def test_nothing_starts_when_a_job_or_a_word_is_wrong(tree):
    for words, said in (
        (["arch.width=8,16,wide"], "1 of 3 jobs"),
        (["seed=1,2", "sweep.retreis=2"], "did you mean sweep.retries"),
        (["seed=1,2", "launcher.job=2"], "did you mean launcher.jobs"),
        (["seed=1,2", "sweep.retries=-1"], "must be 0 or more"),
        (["seed=1,2", "sweep.grid=product,zip"], "takes one value"),
        (["run.name=a,b"], "are the same job"),
        (["seed=1,2", "sweep.resume=none"], "no such sweep folder"),
    ):
        with pytest.raises(ConfigError, match=said):
            sweep(tree, *words)
    assert not Path("runs").exists()


def kill_somewhere(start: Start, tree: Path, rng: random.Random, jobs_too: bool) -> bool:
    """Whether the launcher was still running when it was killed."""
    process = start(TWELVE, "launcher.jobs=2")
    while process.poll() is None and [s["pid"] for s in sweeps(tree)] != [process.pid]:
        time.sleep(0.01)  # it is still composing
    time.sleep(rng.uniform(0.0, 0.6))
    alive = process.poll() is None
    process.kill()
    process.communicate()
    for path in tree.glob("runs/sweeps/*/jobs/*.state.json") if jobs_too else ():
        with suppress(psutil.NoSuchProcess, KeyError):
            job = psutil.Process(json.loads(path.read_text())["pid"])
            if "lmlab.sweep.task" in job.cmdline():
                for member in (job, *job.children(recursive=True)):
                    member.kill()
    return alive


def test_a_launcher_killed_at_ten_moments_finishes_every_job_once(
    tree: Path, start: Start, tmp_path_factory, monkeypatch
):
    monkeypatch.setenv("FAKE_SECONDS", "0.1")
    rng = random.Random(5)
    killed = [kill_somewhere(start, tree, rng, jobs_too=bool(i % 2)) for i in range(10)]
    assert any(killed)
    monkeypatch.setenv("FAKE_SECONDS", "0")
    assert sweep(tree, TWELVE, "launcher.jobs=4") == 0
    found = outcome(tree)
    assert any(len(text.splitlines()) > 1 for text in starts(tree))
    assert [len(times) for times in found.values()] == [1] * 12
    first = Path("runs").rename("disturbed")
    assert first.is_dir() and sweep(tree, TWELVE, "launcher.jobs=4") == 0
    assert outcome(tree) == found
