from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.restore import restore
from tests.hardware.one import mesh_of_one

WEIGHT = torch.arange(6.0).view(3, 2)


def stage_of(weight: torch.Tensor) -> tuple[nn.Module, torch.optim.Optimizer]:
    stage = nn.Linear(2, 3, bias=False)
    stage.weight = nn.Parameter(weight)
    return stage, torch.optim.AdamW(stage.parameters(), 0.1)


def written(weight: torch.Tensor = WEIGHT, name: str = "weight") -> dict[str, Any]:
    """A checkpoint as one process writes it."""
    _, optimizer = stage_of(weight)
    groups = optimizer.state_dict()["param_groups"]
    moments = {"step": torch.tensor(2.0), "exp_avg": weight * 2, "exp_avg_sq": weight * 3}
    return {
        "state_dict": {name: weight},
        "optimizer_states": [{"state": {0: moments}, "param_groups": groups}],
    }


def test_whole_tensors_become_the_parts_of_a_divided_stage():
    with mesh_of_one("shard") as mesh:
        stage, optimizer = stage_of(distribute_tensor(torch.zeros(3, 2), mesh, [Shard(0)]))
        checkpoint = written()
        restore(Path("unused"), checkpoint, stage, [optimizer])
        state = optimizer.state_dict()["state"][0]
        assert torch.equal(stage.weight.full_tensor(), WEIGHT)
        assert isinstance(state["exp_avg_sq"], DTensor) and state["step"] == 2
        assert torch.equal(state["exp_avg_sq"].full_tensor(), WEIGHT * 3)
        assert checkpoint == {}


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        (written(name="other"), "other is .* not what the run has|weight is missing"),
        (written(torch.zeros(4, 2)), r"weight is \(4, 2\)"),
    ],
)
def test_weights_of_another_shape_or_name_are_refused(checkpoint, message):
    stage, optimizer = stage_of(torch.zeros(3, 2))
    with pytest.raises(CheckpointError, match=message):
        restore(Path("folder"), checkpoint, stage, [optimizer])
