from __future__ import annotations

import math

import pytest
import torch
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

from lmlab.hardware.norm import clip_gradients, gradient_norm
from tests.hardware.one import mesh_of_one


def with_grad(values: list[float]) -> torch.Tensor:
    parameter = torch.zeros(len(values), requires_grad=True)
    parameter.grad = torch.tensor(values)
    return parameter


def test_the_norm_of_3_and_4_is_5_and_clipping_to_1_divides_by_it():
    parameters = [with_grad([3.0]), with_grad([4.0, 0.0]), torch.zeros(1, requires_grad=True)]
    assert clip_gradients(parameters, 1.0) == pytest.approx(5.0)
    assert parameters[0].grad.item() == pytest.approx(0.6, rel=1e-5)


def test_a_norm_below_the_limit_changes_nothing():
    parameter = with_grad([0.1, 0.2])
    clip_gradients([parameter], 1.0)
    assert parameter.grad.tolist() == torch.tensor([0.1, 0.2]).tolist()


def test_a_norm_that_is_not_finite_is_said():
    assert math.isnan(clip_gradients([with_grad([math.nan])], 1.0))


def test_gradients_of_several_layouts_have_one_norm():
    with mesh_of_one("data", "model") as mesh:
        whole = torch.tensor([3.0, 0.0])
        parts = [
            distribute_tensor(whole, mesh["data"], [Shard(0)]),
            distribute_tensor(torch.tensor([4.0]), mesh, [Replicate(), Shard(0)]),
            torch.tensor([12.0]),
        ]
        assert gradient_norm(parts) == pytest.approx(13.0)
