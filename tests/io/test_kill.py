"""Killed at random moments: training goes on bitwise as if nothing had been, and nothing is left."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from lmlab.durable import clean
from lmlab.io.checkpoint import find_good, verify
from tests.io import kill, tiny


@pytest.mark.parametrize(("every_steps", "num_kills"), [(1, 17), (2, 17), (3, 16)])
def test_50_kills_50_equal_ends(tmp_path: Path, every_steps: int, num_kills: int) -> None:
    """R1."""
    train = partial(tiny.train, every_steps=every_steps)
    outcome = kill.harness(train, tmp_path, num_kills, seed=every_steps)
    assert outcome == kill.Outcome(kills=num_kills, equal=num_kills)


@pytest.mark.parametrize(
    "fault", [{"kind": tiny.Forgetful}, {"data": tiny.ShuffledData}], ids=["no_rng", "shuffled"]
)
def test_the_harness_sees_a_resume_that_is_not_exact(tmp_path: Path, fault: dict[str, Any]) -> None:
    outcome = kill.harness(partial(tiny.train, every_steps=2, **fault), tmp_path, 8)
    assert outcome.equal <= 5


def test_difference_by_hand() -> None:
    one = torch.tensor([1.0])
    assert kill.difference({"a": [one, 2]}, {"a": [one.clone(), 2]}) is None
    assert kill.difference({"a": [one]}, {"a": [one + 1e-7]}) == "/a/0"
    assert kill.difference(torch.tensor([0.0]), torch.tensor([-0.0])) == ""
    assert kill.difference({"a": 1}, {"b": 1}) == ": other keys"
    assert kill.difference([1], [2]) == "/0: 1 and 2"


@pytest.fixture
def other_file_system() -> Iterator[Path]:
    """A folder on another file system than the folder for temporary files."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("no second file system here")
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_40_kills_while_saving_leave_40_readable_checkpoints(
    tmp_path: Path, other_file_system: Path
) -> None:
    """R7."""
    moments, temporary, partly = random.Random(0), tmp_path / "tmp", 0
    temporary.mkdir()
    for attempt in range(40):
        run_dir = other_file_system / str(attempt)
        started = multiprocessing.get_context("forkserver").Event()
        folder = run_dir / "checkpoints"
        env = {"TMPDIR": str(temporary)}
        process = kill.start(tiny.save_without_end, folder, started, env=env)
        assert started.wait(60)
        process.join(moments.uniform(0.0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        last = folder / (folder / "last").read_text().strip()
        assert verify(last) and find_good(run_dir)
        partly += clean(folder)
        assert not list(folder.glob(".*")) and not list(temporary.iterdir())
        shutil.rmtree(run_dir)
    assert partly >= 10  # most kills did come in the middle of a save
