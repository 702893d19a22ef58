"""A server that is away: no run ends, none waits long, every point arrives once."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lmlab.track.run import MLflow
from lmlab.track.sync import sync_all
from tests.track.conftest import Wire, start_run

NUM_STEPS = 25
MAX_STALL_SECONDS = 2.0


def train(run: MLflow, wire: Wire, when: dict[int, object]) -> float:
    """25 steps, with something done to the wire before some; the longest stall in seconds."""
    longest = 0.0
    for step in range(NUM_STEPS):
        act = when.get(step)
        if callable(act):
            act()
        begin = time.perf_counter()
        run.log_metrics({"train/loss_nats": 5.0 - step / 10, "progress/tokens": step * 64}, step)
        longest = max(longest, time.perf_counter() - begin)
        time.sleep(0.004)  # a step of training
    run.log_table([{"prompt": "a", "continuation": "b"}], "samples.json")
    run.set_note("| a | b |")
    away = wire.broken or wire.hanging
    begin = time.perf_counter()
    run.finalize("finished")  # a server that is there is given the time it needs
    return max(longest, time.perf_counter() - begin) if away else longest


def assert_all_there_once(place: str, run_dir: Path, run: MLflow) -> None:
    client = MlflowClient(tracking_uri=place)
    assert run.run_id is not None
    for key in ("train/loss_nats", "progress/tokens"):
        history = client.get_metric_history(run.run_id, key)
        assert sorted(point.step for point in history) == list(range(NUM_STEPS))
    found = client.get_run(run.run_id)
    assert found.info.status == "FINISHED" and found.info.run_name == run_dir.name
    assert found.data.tags["arch"] == "gpt_tiny" and found.data.params == {"seed": "0"}
    assert {file.path for file in client.list_artifacts(run.run_id)} == {
        "config.yaml",
        "samples.json",
    }
    key = found.data.tags["lmlab.key"]
    same = client.search_runs([found.info.experiment_id], f"tags.`lmlab.key` = '{key}'")
    assert len(same) == 1


def events(scenario: str, wire: Wire, number: int, steps: random.Random) -> dict[int, object]:
    """What happens to the wire before which step; step -1 is before the run starts."""

    def lose() -> None:
        wire.hanging = number % 3 == 2  # every third time packets vanish, else connections end
        if not wire.hanging:
            wire.cut()

    first = steps.randrange(1, NUM_STEPS - 5)
    if scenario == "down at the start":
        return {-1: lose, first: wire.mend}
    if scenario == "lost and back":
        return {first: lose, steps.randrange(first + 1, NUM_STEPS): wire.mend}
    return {first: lose} if scenario == "lost for good" else {-1: lose}


@pytest.mark.parametrize(
    "scenario", ["down at the start", "lost and back", "lost for good", "never there"]
)
def test_ten_runs_finish_and_after_the_sync_every_point_is_there_once(
    scenario: str, served: tuple[str, Path], tmp_path: Path
) -> None:
    steps = random.Random(scenario)
    finished, longest = [], 0.0
    for number in range(10):
        wire = Wire(int(served[0].rsplit(":", 1)[1]))
        when = events(scenario, wire, number, steps)
        if callable(act := when.get(-1)):
            act()
        name = f"{scenario.replace(' ', '-')}-{number}"
        run = start_run(
            tmp_path, name=name, uri=wire.address, send_every_seconds=0.01, request_seconds=1.0
        )
        longest = max(longest, train(run, wire, when))
        finished.append((tmp_path / name, run, wire))
    assert longest < MAX_STALL_SECONDS
    for _, _, wire in finished:
        wire.mend()
    assert sync_all(tmp_path, say=lambda line: None, request_seconds=5.0) == 0
    for run_dir, run, wire in finished:
        assert not run.waiting
        assert_all_there_once(served[0], run_dir, run)
        wire.cut()


def test_an_answer_that_was_lost_sends_no_point_twice(
    served: tuple[str, Path], wire: Wire, tmp_path: Path
) -> None:
    run = start_run(tmp_path, name="deaf", uri=wire.address, request_seconds=1.0)
    run.log_metrics({"a": 0.0}, 0)
    assert run._sender.flush()
    wire.deaf = True  # requests arrive, answers do not
    run.log_metrics({"a": 1.0}, 1)
    assert not run._sender.flush()
    wire.deaf = False
    wire.cut()
    wire.mend()
    run.log_metrics({"a": 2.0}, 2)
    run.finalize("finished")
    sync_all(tmp_path / "deaf", say=lambda line: None)
    assert run.run_id is not None
    history = MlflowClient(tracking_uri=served[0]).get_metric_history(run.run_id, "a")
    assert [point.step for point in history] == [0, 1, 2]
