from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch.distributed as dist

from lmlab import together
from lmlab.config.error import ConfigError

SLURM = {"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "1", "SLURM_NTASKS": "2"}


def made(root: Path) -> Path:
    folder = root / "run"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("{}")
    return folder


def never() -> Path:
    raise AssertionError("only process 0 makes the folder")


def test_alone_it_is_what_is_made(tmp_path):
    assert together.agreed(lambda: made(tmp_path), tmp_path, {}) == tmp_path / "run"


def test_processes_of_one_slurm_step_share_the_folder_of_the_first(tmp_path):
    second: list[Path] = []
    env = SLURM | {"SLURM_PROCID": "1"}
    waiting = threading.Thread(target=lambda: second.append(together.agreed(never, tmp_path, env)))
    waiting.start()
    first = together.agreed(lambda: made(tmp_path), tmp_path, SLURM | {"SLURM_PROCID": "0"})
    waiting.join(10)
    assert second == [first]


def test_processes_of_torchrun_share_it_through_its_store(tmp_path):
    agent = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    env = {"TORCHELASTIC_USE_AGENT_STORE": "True", "MASTER_ADDR": "127.0.0.1"}
    env |= {"MASTER_PORT": str(agent.port)}
    first = together.agreed(lambda: made(tmp_path), tmp_path, env | {"RANK": "0"})
    assert together.agreed(never, tmp_path, env | {"RANK": "1"}) == first


def test_a_folder_that_cannot_be_seen_is_said(tmp_path):
    together.agreed(lambda: tmp_path / "nowhere", tmp_path, SLURM | {"SLURM_PROCID": "0"})
    with pytest.raises(ConfigError, match="process 1 cannot see; use a shared disk"):
        together.agreed(never, tmp_path, SLURM | {"SLURM_PROCID": "1"})


def test_waiting_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(together, "SECONDS", 0.2)
    with pytest.raises(ConfigError, match="made no run folder"):
        together.agreed(never, tmp_path, SLURM | {"SLURM_PROCID": "1"})
