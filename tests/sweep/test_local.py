from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from lmlab.config.error import ConfigError
from lmlab.sweep import gpus
from lmlab.sweep.local import Adopted, Local, signal_supervisor, tail
from lmlab.sweep.task import Task
from lmlab.track.folder import read_json
from tests.sweep.driver import sweep


def test_cores_are_divided_among_jobs_and_their_processes():
    cores = len(os.sched_getaffinity(0))
    assert local(1).threads(1) == cores and local(4 * cores).threads(2) == 1
    with pytest.raises(ValueError, match="launcher.jobs=0"):
        local(0)


def local(jobs: int, share: bool = False) -> Local:
    return Local(jobs=jobs, share_gpus=share)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with GPUs 4 and 5."""
    monkeypatch.setattr(gpus, "count_gpus", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")


def test_running_jobs_have_gpus_of_their_own_and_the_others_wait(two_gpus, tree, capsys):
    assert sweep(tree, "seed=range(5)", "launcher.jobs=4") == 0
    assert "want 4 and this machine has 2 (CUDA_VISIBLE_DEVICES=4,5)" in capsys.readouterr().out
    found = [read_json(path) for path in tree.glob("runs/sweeps/*/jobs/*.state.json")]
    assert sorted({tuple(state["gpus"]) for state in found}) == [("4",), ("5",)]
    for one, other in combinations(found, 2):
        apart = one["ended"] < other["started"] or other["ended"] < one["started"]
        assert apart or one["gpus"] != other["gpus"]
    assert {path.read_text() for path in tree.glob("runs/*/gpus.txt")} == {"4\n", "5\n"}


def test_jobs_that_may_share_do_not_wait(two_gpus, tree, capsys):
    assert sweep(tree, "seed=range(4)", "launcher.jobs=4", "launcher.share_gpus=true") == 0
    given = [path.read_text() for path in tree.glob("runs/*/gpus.txt")]
    assert sorted(given) == ["4\n", "4\n", "5\n", "5\n"] and "want" not in capsys.readouterr().out


def test_a_job_of_more_gpus_than_there_are_is_refused(two_gpus, tree):
    with pytest.raises(ConfigError, match="hardware.devices=3: a job wants 3 GPUs and this"):
        sweep(tree, "seed=1,2", "hardware.devices=3")
    assert not Path("runs").exists()


def test_gpus_of_a_job_of_an_earlier_launcher_are_not_free(two_gpus, tmp_path: Path):
    earlier, task = Task(tmp_path / "001.json"), Task(tmp_path / "002.json")
    for each in (earlier, task):
        each.write(accelerator="auto", processes=1)
    earlier.note(gpus=["4"])
    assert local(2).has_room(task, 2)
    with earlier.lock():
        assert not local(2).has_room(task, 2) and local(2).has_room(task, 1)
        assert local(2, share=True).has_room(task, 2)


def test_without_gpus_a_job_keeps_the_environment(monkeypatch, tree):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "count_gpus", lambda: 0)
    assert sweep(tree, "seed=1") == 0
    assert [path.read_text() for path in tree.glob("runs/*/gpus.txt")] == ["all\n"]


def test_a_job_of_an_earlier_launcher_is_waited_for_and_signalled(tmp_path: Path):
    task = Task(tmp_path / "001.json")
    assert not signal_supervisor(task, signal.SIGTERM)
    with task.lock() as lock:
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(lock,))  # fmt: skip
    task.note(pid=sleeper.pid, host=os.uname().nodename)
    handle = Adopted(task)
    assert not handle.ended()
    handle.signal(signal.SIGTERM)
    assert sleeper.wait(10) == -signal.SIGTERM and handle.ended()


def test_the_last_lines_of_a_file(tmp_path: Path):
    (tmp_path / "x").write_text("a\n\nb\nc\n")
    assert tail(tmp_path / "x", 2) == ["b", "c"] and tail(tmp_path / "none", 2) == []
