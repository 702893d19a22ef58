"""The launcher with small scripts in place of the worker."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmlab import launch
from lmlab.config.error import ConfigError

Worker = Callable[[str], Path]
SCRIPT = """
import os, signal, sys, time, pathlib
rank, out = os.environ.get("RANK", "-"), pathlib.Path({out!r})
def note(text): (out / f"{{text}}-{{rank}}").write_text("x")
def stop(number, frame): note("stopped"); sys.exit(128 + number)
signal.signal(signal.SIGTERM, stop); signal.signal(signal.SIGINT, stop)
note("started-" + os.environ.get("WORLD_SIZE", "-") + "-" + os.environ.get("OMP_NUM_THREADS", "-"))
{body}
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Replace the worker by a script with the given body; returns the folder of its notes."""

    def make(body: str) -> Path:
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(out=str(tmp_path), body=body))
        real = launch.start
        monkeypatch.setattr(
            launch, "start", lambda command, env: real([sys.executable, str(script)], env)
        )
        return tmp_path

    return make


def notes(folder: Path, start: str) -> set[str]:
    return {path.name for path in folder.glob(f"{start}*")}


def test_ranks_get_torchruns_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MLFLOW_RUN_ID", "other")
    ranks = launch.rank_environments(2)
    assert [(e["RANK"], e["LOCAL_RANK"], e["WORLD_SIZE"]) for e in ranks] == [
        ("0", "0", "2"),
        ("1", "1", "2"),
    ]
    assert ranks[0]["MASTER_PORT"] == ranks[1]["MASTER_PORT"]
    assert int(ranks[0]["OMP_NUM_THREADS"]) == max(1, len(os.sched_getaffinity(0)) // 2)
    assert "MLFLOW_RUN_ID" not in ranks[0]
    assert "RANK" not in launch.rank_environments(1)[0]


def test_threads_that_were_set_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert launch.rank_environments(2)[1]["OMP_NUM_THREADS"] == "7"


def test_all_ranks_run_and_end(worker: Worker) -> None:
    folder = worker("")
    assert launch.launch(Path("config.yaml"), 2) == 0
    assert len(notes(folder, "started-2")) == 2


def test_one_failure_ends_the_others(worker: Worker) -> None:
    body = """
while rank == "0" and not list(out.glob("started*-1")): time.sleep(0.01)
if rank == "1": time.sleep(0.2); sys.exit(7)
time.sleep(60)"""
    folder = worker(body)
    started = time.monotonic()
    assert launch.launch(Path("config.yaml"), 2) == 7
    assert time.monotonic() - started < 20
    assert notes(folder, "stopped") == {"stopped-0"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_reach_every_rank_once(worker: Worker, number: int, code: int) -> None:
    folder = worker("time.sleep(60)")

    def send() -> None:
        deadline = time.monotonic() + 30
        while len(notes(folder, "started")) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    thread = threading.Thread(target=send)
    thread.start()
    assert launch.launch(Path("config.yaml"), 2) == code
    thread.join()
    assert notes(folder, "stopped") == {"stopped-0", "stopped-1"}
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"RANK": "0"}, True),
        ({"WORLD_SIZE": "2"}, True),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, False),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "4"}, True),
    ],
)
def test_whether_this_is_a_rank(
    variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launch.is_rank() is expected


def test_more_processes_than_fit_are_refused_before_any_is_started(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hardware.devices=100000: .* GB; \d+ would fit"):
        launch.launch(tmp_path / "config.yaml", 100_000, worker="no_such_worker")
    launch.check_memory(2)


def test_a_stop_while_ranks_are_being_started_leaves_none_behind(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def start_and_be_stopped(*arguments: Any, **keywords: Any) -> Any:
        process = real(*arguments, **keywords)
        started.append(process)
        if len(started) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return process

    worker("time.sleep(60)")
    real = launch.start
    monkeypatch.setattr(launch, "start", start_and_be_stopped)
    assert launch.launch(Path("config.yaml"), 5) == 143
    assert len(started) == 2 and all(process.poll() is not None for process in started)
