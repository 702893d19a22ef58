"""Fixtures of the tests of sweeps: a small tree of options without tracking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmlab.config.place import Places
from tests.config.conftest import places  # noqa: F401
from tests.config.fake import write
from tests.conftest import ROOT

Start = Callable[..., subprocess.Popen[str]]


def chain(*last: str) -> str:
    """An experiment of three stages, each begun from the one before; `last` are the third's own."""
    return f"""
experiment:
  question: q
  source: s
  expect: child("three").val/loss_nats > 0
  cost: c
  stages:
    - {{name: one, overrides: [seed=1]}}
    - {{name: two, overrides: [seed=2, init_from=@one]}}
    - {{name: three, overrides: {json.dumps([*last, "init_from=@two"])}}}
"""


@pytest.fixture
def tree(places: Places, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """The working directory, with track=none as the default and the package where jobs find it."""
    folder = Path.cwd()
    write(Path("fakelab/none.py"), "class Nothing:\n    def __init__(self, *, run_dir): ...")
    none = "_target_: fakelab.none.Nothing\n_partial_: true"
    write(places.conf[0] / "track" / "mlflow.yaml", none)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT), str(folder), os.environ.get("PYTHONPATH", "")])
    )
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return folder


@pytest.fixture
def start(tree: Path) -> Start:
    """Start a launcher as a process of its own."""

    def begin(*overrides: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.sweep.driver", *overrides],
            cwd=tree,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def sweeps(folder: Path) -> list[dict[str, Any]]:
    """sweep.json of every sweep."""
    found = sorted(folder.glob("runs/sweeps/*/sweep.json"))
    return [json.loads(path.read_text()) for path in found]


def states(folder: Path) -> list[str]:
    """States of the jobs of the only sweep."""
    (sweep,) = sweeps(folder)
    return [job["state"] for job in sweep["jobs"]]


def outcome(folder: Path) -> dict[str, list[str]]:
    """By job: every time that it finished, with its result."""
    (sweep,) = sweeps(folder)
    return {
        job["name"]: (folder / "runs" / job["folder"] / "finished.txt").read_text().split()
        for job in sweep["jobs"]
    }


def wait_for(folder: Path, pattern: str, number: int = 1) -> None:
    """Until there are so many files; fails after 60 s."""
    end = time.monotonic() + 60
    while len(list(folder.glob(pattern))) < number:
        assert time.monotonic() < end, pattern
        time.sleep(0.01)


def killed_twice(
    start: Start, tree: Path, monkeypatch: pytest.MonkeyPatch, launcher: str, option: str
) -> list[int]:
    """How often each of four jobs finished whose launcher was killed in its first and second job."""
    pytest.importorskip(launcher)
    write(tree / "conf" / "launcher" / f"{launcher}.yaml", option)
    monkeypatch.setenv("FAKE_SECONDS", "0.3")
    words = [f"launcher={launcher}", "launcher.jobs=1"]
    for number in (1, 2):
        process = start("seed=1,2,3,4", *words)
        try:
            wait_for(tree, "runs/*/starts.txt", number)
            assert process.poll() is None
        finally:
            process.kill()
            process.communicate()
    last = start("seed=1,2,3,4", *words)
    _, said = last.communicate(timeout=240)
    assert last.returncode == 0, said
    return [len(times) for times in outcome(tree).values()]
