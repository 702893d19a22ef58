"""Whole runs of 2 and 4 processes: the losses of one, shards that any number loads, exact resume."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments import LightningEnvironment
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torchmetrics import SumMetric

from lmlab.hardware.shard import Sharding, shard_children
from lmlab.hardware.sharded import Sharded
from lmlab.io.checkpoint_io import FolderCheckpointIO
from lmlab.job import read
from tests.hardware import test_mesh
from tests.hardware.ranks import cut, losses, ranks, resume, train
from tests.io.kill import difference, essence


def mesh(data: int, model: int) -> list[str]:
    """A mesh of data x model processes; 257 bytes are not divided."""
    sizes = [f"hardware.devices={data * model}", f"hardware.mesh.data={data}"]
    return ["hardware=mesh", *sizes, f"hardware.mesh.model={model}", "hardware.rules.vocab=null"]


LESS = ["hardware.reduce_every=step", "hardware.activation_checkpointing=blocks"]
LAYOUTS = {
    "ddp_2": (2, ["hardware=ddp"]),
    "ddp_4": (4, ["hardware=ddp", "hardware.devices=4"]),
    "fsdp2_2": (2, ["hardware=fsdp2", *LESS]),
    "fsdp2_4": (4, ["hardware=fsdp2", "hardware.devices=4", "hardware.replicas=2"]),
    "mesh_2": (2, mesh(1, 2)),
    "mesh_4": (4, [*mesh(2, 2), "hardware.rules.embed=data"]),
    "mesh_1x4": (4, mesh(1, 4)),
}


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The run of one process that the others are compared with."""
    return train(tmp_path_factory.mktemp("alone"), 1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """Finished runs by layout, made when first asked for."""
    root = tmp_path_factory.mktemp("runs")

    class Made(dict):
        def __missing__(self, name: str) -> Path:
            number, overrides = LAYOUTS[name]
            self[name] = train(root, number, *overrides)
            return self[name]

    return Made()


def far(first: dict[int, float], second: dict[int, float]) -> float:
    """The largest difference of two runs' losses over the steps that both have."""
    return max(abs(first[step] - second[step]) for step in first.keys() & second.keys())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_several_processes_train_to_the_losses_of_one(alone, runs, layout):
    found = losses(runs[layout])
    assert list(found) == list(range(1, 21))
    assert far(found, losses(alone)) < 1e-5


def test_an_encoder_and_its_decoder_train_to_the_losses_of_one_process(tmp_path):
    words = ["arch=t5_tiny", "objective=span_corruption", "arch.max_seq_len=32", "batch.tokens=512"]
    one = losses(train(tmp_path, 1, *words, micro_sequences=16))
    two = losses(train(tmp_path, 2, *words, "hardware=fsdp2", micro_sequences=16))
    assert len(two) == 20 and far(one, two) < 1e-5


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_a_resumed_run_ends_bitwise_as_one_that_was_not_stopped(runs, layout, tmp_path):
    number = LAYOUTS[layout][0]
    again = resume(cut(runs[layout], 10, tmp_path / "cut"), number)
    assert list(losses(again)) == list(range(11, 21))
    assert difference(essence(runs[layout]), essence(again)) is None


@pytest.mark.parametrize("layout", ["fsdp2_4", "mesh_4"])
def test_one_process_goes_on_from_the_shards_of_several(alone, runs, layout, tmp_path):
    folder = cut(runs[layout], 10, tmp_path / "cut")
    (folder / "config.yaml").write_text((alone / "config.yaml").read_text())
    again = losses(resume(folder, 1))
    assert list(again) == list(range(11, 21)) and far(again, losses(alone)) < 1e-5


@pytest.mark.parametrize("layout", ["fsdp2_2", "mesh_2"])
def test_several_processes_go_on_from_the_checkpoint_of_one(alone, runs, layout, tmp_path):
    folder = cut(alone, 10, tmp_path / "cut")
    (folder / "config.yaml").write_text((runs[layout] / "config.yaml").read_text())
    again = losses(resume(folder, LAYOUTS[layout][0]))
    assert list(again) == list(range(11, 21)) and far(again, losses(alone)) < 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_processes_draw_the_same_numbers_where_they_share_a_part_of_the_batch(runs, layout):
    checkpoint = FolderCheckpointIO().load_checkpoint(cut_of(runs[layout]))
    kept = checkpoint["callbacks"]["Checkpointing"]
    states = [bytes(state["torch"].tolist()) for state in kept["random"]]
    meshes = {"mesh_2": [0, 0], "mesh_4": [0, 0, 1, 1], "mesh_1x4": [0, 0, 0, 0]}
    shares = meshes.get(layout, list(range(len(states))))
    assert kept["data_ranks"] == shares
    for one, share in zip(states, shares, strict=True):
        assert [one == other for other in states] == [share == other for other in shares]


def cut_of(run: Path) -> Path:
    return run / "checkpoints" / "step-00000020"


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("layout", ["fsdp2_4", "mesh_4", "mesh_1x4"])
def test_shards_of_four_processes_load_bitwise_in_any_number(runs, layout, number):
    arguments = str(cut_of(runs[layout])), number, layout.startswith("mesh")
    assert ranks(number, load_and_compare, *arguments) == [0] * number


def load_and_compare(checkpoint: str, number: int, on_mesh: bool) -> int:
    """Fill a stage of this many processes from the shards; 0 when all of it is what was saved."""
    from lmlab.build import make_arch

    expected = FolderCheckpointIO().load_checkpoint(checkpoint)
    arch = make_arch(read(Path(checkpoint).parents[1] / "config.yaml").config, 257)
    stage = nn.Module()
    stage.arch = arch
    if number > 1:
        dist.init_process_group("gloo")
        sizes = {"data": number // 2, "model": 2} if on_mesh else {"shard": number}
        processes = init_device_mesh("cpu", tuple(sizes.values()), mesh_dim_names=tuple(sizes))
        if on_mesh:
            test_mesh.mesh(sizes).divide(stage, processes)
        else:
            shard_children(stage, processes, Sharding())
        assert any(isinstance(weight, DTensor) for weight in stage.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in arch.parameters() if p.dim() >= 2]},
            {"params": [p for p in arch.parameters() if p.dim() < 2]},
        ]
    )
    FolderCheckpointIO().load_into(checkpoint, stage, [optimizer])
    weights = {name: whole(tensor) for name, tensor in stage.state_dict().items()}
    wrong = difference(expected["state_dict"], weights)
    state = optimizer.state_dict()["state"]
    for index, values in expected["optimizer_states"][0]["state"].items():
        wrong = wrong or difference(values, {key: whole(v) for key, v in state[index].items()})
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor put together from all processes."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def test_metrics_go_to_the_device_as_buffers_do():
    stage = nn.Module()
    stage.judge = nn.Module()
    stage.judge.loss, stage.norm = SumMetric(), nn.BatchNorm1d(2, affine=False)
    strategy = Sharded(shape={"shard": 2}, divide=None, apart=None, backend="gloo")
    strategy.parallel_devices = [torch.device("meta")]
    strategy.cluster_environment = LightningEnvironment()
    strategy._move_the_rest(stage)
    assert stage.judge.loss.sum_value.device.type == stage.judge.loss.device.type == "meta"
    assert stage.norm.running_mean.device.type == "meta"
