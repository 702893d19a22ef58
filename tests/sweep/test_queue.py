from __future__ import annotations

import json
import signal
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from lmlab.sweep.queue import Submitit
from lmlab.sweep.task import Task
from tests.config.fake import write
from tests.sweep.conftest import Start, killed_twice, outcome, states, wait_for
from tests.sweep.driver import sweep

KEYS: dict[str, Any] = {
    "cluster": "local", "jobs": 2, "partition": None, "account": None, "qos": None,
    "constraint": None, "minutes": 2, "cpus": 2, "gpus": None, "memory_gb": 1,
    "additional_parameters": {},
}  # fmt: skip
OPTION = json.dumps({"_target_": "lmlab.sweep.queue.Submitit"} | KEYS)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What executors were made and asked for, with a stand-in for submitit's."""
    found: list[dict[str, Any]] = []

    class Executor:
        def __init__(self, **keywords: Any) -> None:
            found.append(keywords)

        def update_parameters(self, **keywords: Any) -> None:
            found.append(keywords)

        def submit(self, *arguments: Any) -> None:
            found.append({"submitted": arguments})

    submitit = types.ModuleType("submitit")
    monkeypatch.setattr(submitit, "AutoExecutor", Executor, raising=False)
    monkeypatch.setitem(sys.modules, "submitit", submitit)
    return found


def job(folder: Path, accelerator: str, processes: int) -> Task:
    task = Task(folder / "003.json")
    task.write(accelerator=accelerator, processes=processes)
    return task


def test_what_the_queue_is_asked_for(asked, tmp_path):
    slurm = {"partition": "long", "account": "lm", "qos": "high", "constraint": "h100"}
    more = {"additional_parameters": {"reservation": "course"}, "cluster": "slurm"}
    Submitit(**KEYS | slurm | more).start(job(tmp_path, "gpu", 4))
    made, wishes, submitted = asked
    assert made == {"folder": tmp_path / "003.queue", "cluster": "slurm"}
    assert wishes == {
        "name": "lmlab-003", "timeout_min": 2, "mem_gb": 1, "cpus_per_task": 8, "gpus_per_node": 4,
        "slurm_partition": "long", "slurm_account": "lm", "slurm_qos": "high",
        "slurm_constraint": "h100", "slurm_additional_parameters": {"reservation": "course"},
    }  # fmt: skip
    assert submitted["submitted"][1] == tmp_path / "003.json"


@pytest.mark.parametrize(
    ("accelerator", "gpus", "number"),
    [("gpu", None, 2), ("auto", None, 0), ("cpu", None, 0), ("auto", 1, 1), ("gpu", 0, 0)],
)
def test_gpus_are_those_that_are_set_or_one_a_process(asked, tmp_path, accelerator, gpus, number):
    queue = Submitit(**KEYS | {"gpus": gpus})
    found = queue.parameters(job(tmp_path, accelerator, 2))
    assert found.get("gpus_per_node", 0) == number and not [
        k for k in found if k.startswith("slurm")
    ]
    assert found["cpus_per_task"] == 4 and queue.threads(2) == 2


def test_submitit_knows_every_name(tmp_path):
    submitit = pytest.importorskip("submitit")
    slurm = dict.fromkeys(("partition", "account", "qos", "constraint"), "x")
    wishes = Submitit(**KEYS | slurm | {"additional_parameters": {"reservation": "course"}})
    executor = submitit.AutoExecutor(folder=tmp_path / "queue", cluster="debug")
    executor.update_parameters(**wishes.parameters(job(tmp_path, "gpu", 2)))
    with pytest.raises(NameError, match="slurm_acount"):
        executor.update_parameters(slurm_acount="x")


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


def test_a_launcher_killed_twice_finishes_every_job_once(tree, start: Start, monkeypatch):
    assert killed_twice(start, tree, monkeypatch, "submitit", OPTION) == [1] * 4
