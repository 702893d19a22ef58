from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.placement_types import Shard

from lmlab.batch import Head
from lmlab.objective import sharded_cross_entropy as module
from lmlab.objective.cross_entropy import fused_cross_entropy
from tests.mesh.gloo import on_processes


def values() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Hidden states (2, 50, 8), weight (7, 8), bias (7,), targets, mask."""
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(2, 50, 8, generator=draw)
    weight, bias = torch.randn(7, 8, generator=draw), torch.randn(7, generator=draw)
    targets = torch.randint(7, (2, 50), generator=draw)
    return hidden, weight, bias, targets, torch.rand(2, 50, generator=draw) < 0.7


def results(head: Head, hidden: Tensor, targets: Tensor, mask: Tensor) -> list[Tensor]:
    hidden.requires_grad_()
    total, nll = fused_cross_entropy(hidden, head, targets, mask, 1e-2)
    (3.0 * total).backward()
    assert hidden.grad is not None
    return [total.detach(), nll.detach(), hidden.grad]


def everything() -> float:
    line = init_device_mesh("cpu", (2,), mesh_dim_names=("model",))
    hidden, weight, bias, targets, mask = values()
    plain = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
    expected = results(Head(*plain), hidden.clone(), targets, mask)
    expected += [each.grad for each in plain]  # type: ignore[misc]
    rows = slice(0, 4) if line.get_local_rank() == 0 else slice(4, 7)
    own = [each[rows].clone().requires_grad_() for each in (weight, bias)]
    whole = [
        DTensor.from_local(
            part, line, [Shard(0)], run_check=False, shape=each.shape, stride=each.stride()
        )
        for part, each in zip(own, (weight, bias), strict=True)
    ]
    got: list[Any] = results(Head(*whole), hidden.clone(), targets, mask)
    got += [each.grad for each in own]
    expected[3:] = [each[rows] for each in expected[3:]]
    return max(float((a - b).abs().max()) for a, b in zip(expected, got, strict=True))


def without_gradients() -> float:
    """How many chunks made gradients; and by how much the sums differ from those of the whole."""
    line = init_device_mesh("cpu", (2,), mesh_dim_names=("model",))
    hidden, weight, _, targets, mask = values()
    rows = slice(0, 4) if line.get_local_rank() == 0 else slice(4, 7)
    own = weight[rows].clone().requires_grad_()
    shape = {"shape": weight.shape, "stride": weight.stride()}
    whole: Any = DTensor.from_local(own, line, [Shard(0)], run_check=False, **shape)
    expected = fused_cross_entropy(hidden, Head(weight), targets, mask)
    made: list[Any] = []
    module.keep_gradients = lambda ctx, hidden, weight, found: made.append(found)
    with torch.no_grad():
        got = fused_cross_entropy(hidden.requires_grad_(), Head(whole), targets, mask)
    assert made[0][:2] == (None, None)
    return max(float((a - b).abs()) for a, b in zip(expected, got, strict=True))


def test_without_gradients_none_are_made():
    assert max(on_processes(2, without_gradients)) < 2e-5


def test_parts_of_the_vocabulary_give_the_loss_and_gradients_of_the_whole():
    assert max(on_processes(2, everything)) < 2e-5
