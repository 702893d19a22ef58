from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lmlab.sweep.task import HELD, Task, begun, is_finished, run


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A job of the fake worker, seed 1."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("config: {seed: 1}")
    made = Task(tmp_path / "jobs" / "001.json")
    made.write(config=str(folder / "config.yaml"), processes=1, threads=1, worker="tests.sweep.fake_worker")  # fmt: skip
    return made


def test_a_job_runs_once_however_often_it_is_started(task: Task, tmp_path: Path):
    assert run(task.path) == 0 and run(task.path) == 0
    assert len((tmp_path / "run" / "finished.txt").read_text().split()) == 1
    assert task.state()["code"] == 0 and task.state()["attempts"] == 1
    assert not task.is_held()


def test_a_second_starter_finds_the_lock_held(task: Task):
    with task.lock() as lock:
        assert lock is not None and task.is_held() and run(task.path) == HELD


def test_the_lock_outlives_whoever_took_it(task: Task):
    code = "import sys, time; from pathlib import Path; from lmlab.sweep.task import Task\n"
    code += "import subprocess\n"
    code += f"with Task(Path({str(task.path)!r})).lock() as lock:\n"
    code += "  p = subprocess.Popen(['sleep', '1'], pass_fds=(lock,)); print(p.pid)"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    assert task.is_held()


def test_what_it_printed_and_how_it_failed_is_kept(task: Task, monkeypatch):
    monkeypatch.setenv("FAKE_FAIL", "1")
    assert run(task.path) == 3 and task.state()["code"] == 3
    assert task.output.read_text() == "seed 1 is out of luck\n"


def test_finished_is_what_the_run_says_or_without_a_record_the_job(task: Task, tmp_path: Path):
    folder = tmp_path / "run"
    assert not is_finished(folder, task) and not begun(folder)
    task.note(code=0)
    assert is_finished(folder, task)
    (folder / "run.json").write_text(json.dumps({"status": "interrupted"}))
    assert not is_finished(folder, task) and begun(folder)
