"""Divided tensors into files and back, in one process; several are in tests/hardware."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from torch.distributed.checkpoint import HuggingFaceStorageWriter
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from lmlab.io import sharded
from lmlab.io.checkpoint import CheckpointError, all_of, verify
from lmlab.io.checkpoint_io import FolderCheckpointIO, read_weights
from tests.hardware.one import mesh_of_one
from tests.hardware.ranks import ranks

WEIGHT, BIAS = torch.arange(6.0).view(3, 2), torch.tensor([7.0])


def checkpoint_on(mesh: Any) -> dict[str, Any]:
    """Two names of one divided weight, a whole bias, and an optimizer's state."""
    weight = distribute_tensor(WEIGHT, mesh, [Shard(0)])
    moment = distribute_tensor(WEIGHT * 2, mesh, [Shard(0)])
    state = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": moment}}, "param_groups": []}
    weights = {"arch.a": weight, "arch.b": weight, "arch.bias": BIAS}
    return {"state_dict": weights, "optimizer_states": [state], "global_step": 3}


def test_a_divided_checkpoint_comes_back_whole(tmp_path):
    folder = tmp_path / "checkpoints" / "step-00000003"
    with mesh_of_one("shard") as mesh:
        FolderCheckpointIO().save_checkpoint(checkpoint_on(mesh), folder)
    files = verify(folder)["files"]
    assert [name.split("-")[0] for name in sorted(files)] == ["config.yaml", "shard", "trainer.pt"]
    found = FolderCheckpointIO().load_checkpoint(folder)
    assert list(found["state_dict"]) == ["arch.a", "arch.b", "arch.bias"]
    assert torch.equal(found["state_dict"]["arch.b"], WEIGHT)
    state = found["optimizer_states"][0]["state"][0]
    assert torch.equal(state["exp_avg"], WEIGHT * 2) and state["step"] == 3
    assert torch.equal(read_weights(folder)["arch.b"], WEIGHT)


def test_one_weight_of_two_names_is_stored_once():
    with mesh_of_one("shard") as mesh:
        divided, rest = sharded.split(checkpoint_on(mesh))
    assert sorted(divided) == ["optimizer_states/0/0/exp_avg", "state_dict/arch.a"]
    assert rest[sharded.SHARDED]["tied"] == {"arch.b": "arch.a"}
    assert list(rest["state_dict"]) == ["arch.bias"]


def test_a_changed_byte_in_a_shard_is_found(tmp_path):
    folder = tmp_path / "checkpoints" / "step-00000003"
    with mesh_of_one("shard") as mesh:
        FolderCheckpointIO().save_checkpoint(checkpoint_on(mesh), folder)
    path = next(folder.glob("shard-*"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="contents of shard-.* have changed"):
        FolderCheckpointIO().load_checkpoint(folder)


def test_what_is_not_stored_is_named(tmp_path):
    with mesh_of_one("shard") as mesh:
        FolderCheckpointIO().save_checkpoint(checkpoint_on(mesh), tmp_path / "step-00000003")
    with pytest.raises(CheckpointError, match="other"):
        sharded.read_into(tmp_path / "step-00000003", {"other": torch.zeros(1)})


def test_put_takes_this_processes_part():
    with mesh_of_one("shard") as mesh:
        target = distribute_tensor(torch.zeros(3, 2), mesh, [Shard(0)])
        sharded.put(target, WEIGHT)
        assert torch.equal(target.full_tensor(), WEIGHT)
    plain = torch.zeros(1)
    sharded.put(plain, BIAS)
    assert torch.equal(plain, BIAS)


def save(folder: str) -> int:
    """One of two processes; 7 when it was told that the checkpoint could not be written."""
    dist.init_process_group("gloo")
    checkpoint = checkpoint_on(init_device_mesh("cpu", (2,)))
    assert isinstance(checkpoint["state_dict"]["arch.a"], DTensor)
    try:
        FolderCheckpointIO().save_checkpoint(checkpoint, folder)
    except CheckpointError:
        return 7
    return 0


def test_two_processes_write_one_folder_and_leave_nothing_else(tmp_path):
    folder = tmp_path / "checkpoints" / "step-00000003"
    assert ranks(2, save, str(folder)) == [0, 0]
    assert len(list(folder.glob("shard-*"))) == 2
    assert torch.equal(read_weights(folder)["arch.a"], WEIGHT)
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_when_process_0_cannot_begin_no_other_waits_for_ever(tmp_path):
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    assert ranks(2, save, str(tmp_path / "checkpoints" / "step-00000003")) == [7, 7]


def full(folder: str) -> int:
    """As `save`, on a disk where process 1 cannot write."""

    def refuse(self: Any, *arguments: Any) -> Any:
        raise OSError(28, "No space left on device")

    if os.environ["RANK"] == "1":
        with mock.patch.object(HuggingFaceStorageWriter, "write_data", refuse):
            return save(folder)
    return save(folder)


def test_when_one_process_cannot_write_all_are_told_and_nothing_is_left(tmp_path):
    assert ranks(2, full, str(tmp_path / "checkpoints" / "step-00000003")) == [7, 7]
    assert all_of(tmp_path / "checkpoints") == []
    assert list((tmp_path / "checkpoints").iterdir()) == []
