from __future__ import annotations

import signal
import sys

import pytest

from lmlab.sweep.queue import Submitit
from tests.config.fake import write
from tests.sweep.conftest import Start, outcome, states
from tests.sweep.driver import sweep
from tests.sweep.test_run import wait_for

KEYS = {"cluster": "local", "jobs": 2, "partition": None, "minutes": 2, "cpus": 2, "gpus": 0, "memory_gb": 1}  # fmt: skip
OPTION = "_target_: lmlab.sweep.queue.Submitit\n" + "".join(
    f"{key}: {'null' if value is None else value}\n" for key, value in KEYS.items()
)


def test_without_submitit_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ValueError, match="pip install"):
        Submitit(**KEYS)


def test_jobs_go_through_the_local_executor(tree):
    pytest.importorskip("submitit")
    write(tree / "conf" / "launcher" / "submitit.yaml", OPTION)
    assert sweep(tree, "launcher=submitit", "seed=1,2,3") == 0
    assert states(tree) == ["finished"] * 3
    assert [len(times) for times in outcome(tree).values()] == [1, 1, 1]


def test_a_signal_reaches_them_and_the_sweep_goes_on_under_another_launcher(
    tree, start: Start, monkeypatch
):
    pytest.importorskip("submitit")
    write(tree / "conf" / "launcher" / "submitit.yaml", OPTION)
    monkeypatch.setenv("FAKE_SECONDS", "0.3")
    process = start("launcher=submitit", "seed=1,2,3")
    wait_for(tree, "runs/*/checkpoints/step.json", 2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143 and states(tree) == ["stopped", "stopped", "waiting"]
    monkeypatch.setenv("FAKE_SECONDS", "0")
    assert sweep(tree, "seed=1,2,3") == 0
    assert [len(times) for times in outcome(tree).values()] == [1, 1, 1]
