"""Checkpointing with two processes: random states of each rank, signals, failures on rank 0."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from lmlab.io.checkpoint import all_of, find_good
from lmlab.io.checkpoint_io import FolderCheckpointIO
from tests.io import kill, tiny
from tests.io.kill import difference, essence
from tests.io.tiny import train


def ranks(function: Any, run_dir: Path, *arguments: Any, same: bool = True) -> list[Any]:
    """Two processes under torchrun's variables; with `same` False, an argument for each rank."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    env = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "GROUP_RANK": "0"}
    env |= {"LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test"}
    return [
        kill.start(
            function,
            run_dir,
            *(arguments if same else arguments[rank : rank + 1]),
            env=env | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]


def end_of(processes: list[Any], seconds: float = 60.0) -> list[int]:
    for process in processes:
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
    return [process.exitcode for process in processes]


def test_two_ranks_resume_exactly_with_random_states_of_their_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert end_of(ranks(tiny.train_ddp, tmp_path / "whole", False, 12)) == [0, 0]
    assert end_of(ranks(tiny.train_ddp, tmp_path / "cut", False, 7)) == [0, 0]
    found = FolderCheckpointIO().load_checkpoint(find_good(tmp_path / "cut") or "")
    first, second = found["callbacks"]["Checkpointing"]["random"]
    assert not torch.equal(first["torch"], second["torch"])
    assert end_of(ranks(tiny.train_ddp, tmp_path / "cut", True, 12)) == [0, 0]
    assert difference(essence(tmp_path / "whole"), essence(tmp_path / "cut")) is None
    with caplog.at_level(logging.WARNING, logger="lmlab"):
        train(tmp_path / "cut", True, steps=14)
    assert "the batch in 2 share(s), this run has 1" in caplog.text


@pytest.mark.parametrize("signalled", [(0,), (1,), (0, 1)], ids=["rank_0", "rank_1", "both"])
def test_a_signal_to_any_rank_stops_all_at_one_step(
    tmp_path: Path, signalled: tuple[int, ...]
) -> None:
    context = multiprocessing.get_context("forkserver")
    started = [context.Event(), context.Event()]
    processes = ranks(tiny.train_ddp_until_stopped, tmp_path, *started, same=False)
    assert all(event.wait(60) for event in started)
    for rank in signalled:
        os.kill(processes[rank].pid, signal.SIGTERM)
    assert end_of(processes, 10.0) == [143, 143]
    assert find_good(tmp_path) and len(all_of(tmp_path / "checkpoints")) == 1


def test_when_rank_0_cannot_write_no_rank_waits_for_ever(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    codes = end_of(ranks(tiny.train_ddp_reporting, tmp_path, False, 4, 1))
    assert codes == [7, 7]
