from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lmlab.sweep.local import Adopted, Local, signal_supervisor, tail
from lmlab.sweep.task import Task


def test_cores_are_divided_among_jobs_and_their_processes():
    cores = len(os.sched_getaffinity(0))
    assert Local(jobs=1).threads(1) == cores and Local(jobs=4 * cores).threads(2) == 1
    with pytest.raises(ValueError, match="launcher.jobs=0"):
        Local(jobs=0)


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
