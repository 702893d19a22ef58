from __future__ import annotations

import torch
from torch import nn
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.placement_types import Replicate, Shard

from lmlab.arch.layer.attention import SelfAttention
from lmlab.mesh.axes import named_axes
from lmlab.mesh.collective import recorded
from lmlab.mesh.parameter import divided, use_of
from lmlab.mesh.traffic import pretended_mesh
from tests.mesh.tiny import RULES

STORED = RULES | {"embed": "data"}


def layer() -> nn.Module:
    with torch.device("meta"):
        return SelfAttention(32, 4, 4, 8, bias=True, dropout=0.0)


def test_heads_are_computed_in_parts_and_gradients_averaged_over_the_batch():
    named = named_axes(layer())["query.weight"]
    with pretended_mesh({"data": 2, "model": 4}) as mesh:
        use = use_of(named, mesh, RULES)
        made = divided(named.parameter, use)
        assert use.placements == (Replicate(), Shard(0))
        assert list(use.kept) == [0] and not use.gathered
        assert [axis.name for axis in use.averaged] == ["data"]
        assert isinstance(made.data, DTensor) and made.shape == (32, 32)
        assert made.to_local().shape == (8, 32) and use.local(made).shape == (8, 32)


def test_what_is_stored_on_the_batchs_axis_is_gathered_and_scattered():
    named = named_axes(layer())["query.weight"]
    with pretended_mesh({"data": 2, "model": 4}) as mesh, recorded() as log:
        use = use_of(named, mesh, STORED)
        made = divided(named.parameter, use)
        assert made.to_local().shape == (8, 16) and not use.averaged
        local = use.local(made)
        assert local.shape == (8, 32)
        local.sum().backward()
        assert isinstance(made.grad, DTensor) and made.grad.placements == use.placements
    assert [(one.kind, one.axis, one.numel) for one in log] == [
        ("all-gather", "data", 256),
        ("reduce-scatter", "data", 256),
    ]


def test_a_frozen_parameter_stays_frozen():
    named = named_axes(layer())["output.bias"]
    named.parameter.requires_grad_(False)
    with pretended_mesh({"data": 2}) as mesh:
        assert not divided(named.parameter, use_of(named, mesh, RULES)).requires_grad
