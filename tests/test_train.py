"""Whole runs: killed and resumed, stopped by signals, over two processes, after a spike."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from lmlab.check import check_composed
from lmlab.config import run_folder
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.io.checkpoint import find_good
from tests.io import kill

SMALL = [
    "data=grammar",
    "tokenizer=bytes",
    "track=none",
    "arch.num_layers=1",
    "arch.width=16",
    "arch.num_heads=2",
    "arch.max_seq_len=16",
    "arch.dropout=0.1",
    "batch.tokens=128",
    "batch.micro_sequences=4",
    "data.validation_tokens=256",
    "stage.sample_tokens=4",
    "hardware=cpu",
    "hardware.precision=fp32",
    "hardware.threads=1",
    "budget.steps=24",
    "checkpoint.every_steps=2",
]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def folder_of(root: Path, *overrides: str) -> Path:
    """A checked run folder below `root`, as the command line makes it."""
    composer = Composer(find_places())
    composed = composer.compose([*SMALL, f"run.root={root}", *overrides])
    check_composed(composed, composer.places)
    return run_folder.create(composed.cfg, composed.choices, composed.overrides)


def work(source: Path, run_dir: Path, resume: bool) -> int:
    """Run (or resume) the configuration of `source` in `run_dir`; for the kill harness."""
    from lmlab import worker

    run_dir.mkdir(parents=True, exist_ok=True)
    config = run_dir / "config.yaml"
    if not config.exists():
        config.write_text((source / "config.yaml").read_text())
    return worker.run(str(config), resume=resume)


@pytest.fixture(scope="module", autouse=True)
def _preload():
    kill.PRELOAD += ["lmlab.train", "tests.test_train"]


@pytest.mark.slow
def test_fifty_kills_at_random_moments_end_bitwise_as_if_nothing_had_happened(tmp_path):
    source = folder_of(tmp_path / "source")
    outcome = kill.harness(partial(work, source), tmp_path / "killed", 50)
    assert outcome.equal == outcome.kills == 50, outcome.different
    assert outcome.leftovers == []


def test_names_that_a_killed_process_left_in_a_run_folder_go_at_the_next_start(tmp_path):
    folder = folder_of(tmp_path / "source", "budget.steps=2")
    gone = kill.start(time.sleep, 0)
    gone.join()
    left = [folder / f".{name}.new.{gone.pid}" for name in ("origins.json", "config.yaml")]
    for path in left:
        path.write_text("{")
    process = kill.start(partial(work, folder), folder, False)
    assert end(process) == 0
    assert not any(path.exists() for path in left)


def end(process, seconds: float = 60.0) -> int:
    process.join(seconds)
    assert process.exitcode is not None
    return process.exitcode


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_within_five_seconds_and_the_run_goes_on_exactly(tmp_path, number, code):
    source = folder_of(tmp_path / "source", "budget.steps=400", "checkpoint.every_steps=null")
    assert end(kill.start(partial(work, source), tmp_path / "whole", False)) == 0
    run_dir = tmp_path / "stopped"
    process = kill.start(partial(work, source), run_dir, False)
    deadline = time.monotonic() + 60
    while "step" not in _log(run_dir) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(random.Random(int(number)).uniform(0.0, 0.3))
    os.kill(process.pid, number)
    sent = time.monotonic()
    assert end(process) == code and time.monotonic() - sent < 5
    assert find_good(run_dir) is not None
    assert end(kill.start(partial(work, source), run_dir, True)) == 0
    assert kill.difference(kill.essence(tmp_path / "whole"), kill.essence(run_dir)) is None


def _log(run_dir: Path) -> str:
    path = run_dir / "log.txt"
    return path.read_text() if path.exists() else ""


def test_a_resumed_run_takes_a_larger_budget(tmp_path):
    from lmlab.resume import resume

    folder = folder_of(tmp_path, "budget.steps=4", "track=mlflow")
    assert end(kill.start(_run, folder)) == 0
    before = json.loads((folder / "run.json").read_text())
    assert end(kill.start(resume, str(folder), ["budget.steps=6"])) == 0
    after = json.loads((folder / "run.json").read_text())
    assert find_good(folder).name == "step-00000006"
    assert after["mlflow_run_id"] == before["mlflow_run_id"] and after["status"] == "finished"


def _run(folder: Path) -> int:
    from lmlab import worker

    return worker.run(str(folder / "config.yaml"))


def test_init_from_starts_with_the_weights_of_a_run_and_says_so(tmp_path):
    first = folder_of(tmp_path, "budget.steps=4")
    assert end(kill.start(_run, first)) == 0
    second = folder_of(
        tmp_path, "budget.steps=1", f"init_from={first}", "optim.learning_rate=1e-12"
    )
    assert end(kill.start(_run, second)) == 0
    weights = [kill.essence(folder)["state_dict"] for folder in (first, second)]
    for name, tensor in weights[0].items():
        assert (tensor - weights[1][name]).abs().max() < 1e-6


def test_a_spike_goes_back_and_leaves_batches_out(tmp_path):
    overrides = ["guard.spike=rewind", "guard.spike_window=4", "guard.spike_sigma=50"]
    overrides += ["guard.rewind_steps=5", "guard.rewind_skip_batches=3", "checkpoint.keep=20"]
    folder = folder_of(tmp_path, *overrides)
    assert end(kill.start(_with_spike, folder, 13)) == 0
    checkpoint = kill.FolderCheckpointIO().load_checkpoint(find_good(folder))
    assert checkpoint["global_step"] == 24
    assert checkpoint["Corpus"]["skipped"] == [[8, 10]]


def _with_spike(folder: Path, at: int) -> int:
    """One loss of a thousand times its size, at the batch (not the step) of number `at`."""
    from lmlab.stage.pretrain import Pretrain

    plain, seen = Pretrain._accumulate, []

    def spiked(self, batch):
        loss, count = plain(self, batch)
        seen.append(self.trainer.global_step)
        return (loss * 1000 if seen.count(at) == 1 and seen[-1] == at else loss), count

    Pretrain._accumulate = spiked
    return _run(folder)


def test_a_value_from_the_environment_is_nowhere_to_be_found(tmp_path, monkeypatch, capfd):
    books = tmp_path / "elsewhere" / "canary4711"
    books.mkdir(parents=True)
    for number in range(4):
        (books / f"{number}.txt").write_text(f"once upon a time {number} " * 200)
    monkeypatch.setenv("LMLAB_TEST_TOKEN", str(books))
    overrides = ["data=text", "data.source.paths=[${oc.env:LMLAB_TEST_TOKEN}]", "track=mlflow"]
    overrides += ["run.name=${oc.env:LMLAB_TEST_TOKEN}"]
    folder = folder_of(tmp_path / "runs", *overrides, "budget.steps=4")
    env = {"LMLAB_TEST_TOKEN": str(books)}
    assert end(kill.start(_run, folder, env=env)) == 0
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert len(files) > 8
    assert [path for path in files if b"canary4711" in path.read_bytes()] == []
    assert not any("canary4711" in str(path) for path in (tmp_path / "runs").rglob("*"))
    assert "canary4711" not in "".join(capfd.readouterr())


def losses(folder: Path) -> list[float]:
    events = (folder / "track" / "events.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in events]
    return [
        p["values"]["train/loss_nats"] for p in points if "train/loss_nats" in p.get("values", {})
    ]


def test_two_processes_give_the_losses_of_one_to_1e6_over_50_steps(tmp_path):
    from lmlab import launch

    common = ["budget.steps=50", "stage.log_every_steps=1", "arch.dropout=0.0", "track=mlflow"]
    one, two = (
        folder_of(tmp_path, *common),
        folder_of(tmp_path, *common, "hardware=ddp", "hardware.accelerator=cpu"),
    )
    assert launch.launch(one / "config.yaml", 1) == 0
    assert launch.launch(two / "config.yaml", 2) == 0
    first, second = losses(one), losses(two)
    assert len(first) == len(second) >= 50
    assert max(abs(a - b) for a, b in zip(first, second, strict=True)) <= 1e-6


def test_the_reachable_loss_of_a_grammar_is_approached_from_above(tmp_path):
    folder = folder_of(
        tmp_path, "track=mlflow", "budget.steps=300", "arch.width=32", "arch.dropout=0.0"
    )
    assert end(kill.start(_run, folder), 120) == 0
    last = losses(folder)[-1]
    assert 0.2 < last < math.log(257) - 1


def test_a_run_is_not_trained_twice_at_once(tmp_path, monkeypatch):
    from lmlab import worker

    folder = folder_of(tmp_path, "budget.steps=1")
    with run_folder.held(folder):
        monkeypatch.setattr(run_folder, "held", partial(run_folder.held, wait_seconds=0.0))
        with pytest.raises(ValueError, match="another process is at work on this run"):
            worker.run(str(folder / "config.yaml"))
    assert [path.name for path in folder.iterdir() if path.name != run_folder.LOCK] == [
        "config.yaml"
    ]


def test_lightning_does_not_seed_the_processes_alike_again(tmp_path, monkeypatch):
    """With this variable its strategies would give all processes one state, and so one dropout."""
    from lmlab.build import build
    from lmlab.job import read

    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    build(read(folder_of(tmp_path) / "config.yaml").config)
    assert "PL_GLOBAL_SEED" not in os.environ
