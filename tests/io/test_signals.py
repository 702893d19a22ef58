"""Asking a training to stop: it saves its last finished step and ends with the signal's code."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lmlab.io.checkpoint import all_of, find_good, step_of
from lmlab.io.signals import Stop
from tests.io import kill, tiny


@pytest.fixture
def stop() -> Iterator[Stop]:
    found = Stop()
    found.install()
    yield found
    found.restore()


def test_a_signal_is_only_noted(stop: Stop) -> None:
    assert stop.signal is None
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.signal == signal.SIGTERM and stop.exit_code is None
    stop.accept(signal.SIGTERM)
    assert stop.exit_code == 143


def test_a_signal_handed_on_twice_counts_once(stop: Stop) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.signal == signal.SIGINT
    stop.accept(signal.SIGINT)
    assert stop.exit_code == 130


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    stop = Stop()
    stop.install()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # somebody takes it
    stop.install()
    assert signal.getsignal(signal.SIGTERM) == stop._note
    stop.restore()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_sigusr1_is_taken_under_slurm_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, taken in ((None, False), ("17", True)):
        if variable:
            monkeypatch.setenv("SLURM_JOB_ID", variable)
        stop = Stop()
        stop.install()
        assert (signal.getsignal(signal.SIGUSR1) == stop._note) is taken
        stop.restore()


def training(run_dir: Path, **keywords: Any) -> Any:
    """A training process after its first step."""
    context = multiprocessing.get_context("forkserver")
    started = context.Event()
    process = kill.start(tiny.train_noting_steps, run_dir, started, *keywords.values())
    assert started.wait(60)
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_20_signals_leave_20_checkpoints_of_the_last_step(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """R5."""
    moments = random.Random(int(number))
    for attempt in range(20):
        run_dir = tmp_path / str(attempt)
        process = training(run_dir)
        process.join(moments.uniform(0.0, 0.15))
        sent = time.monotonic()
        os.kill(process.pid, number)
        process.join(5.0)
        assert process.exitcode == code, f"{time.monotonic() - sent:.1f} s"
        found = find_good(run_dir)
        assert found is not None and step_of(found) == (run_dir / "steps").stat().st_size
        assert not list(run_dir.rglob(".*"))


def test_a_second_signal_ends_at_once_and_older_checkpoints_stay(tmp_path: Path) -> None:
    process = training(tmp_path, block_at=3)
    os.kill(process.pid, signal.SIGTERM)
    process.join(2 * Stop.DUPLICATE_SECONDS)
    assert process.exitcode is None  # noted; the step goes on
    os.kill(process.pid, signal.SIGTERM)
    process.join(1.0)
    assert process.exitcode == 143
    found = find_good(tmp_path)
    assert found is not None and [step_of(path) for path in all_of(found.parent)] == [2, 1]
