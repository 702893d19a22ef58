from __future__ import annotations

import pytest
from torch.distributed.tensor.placement_types import Replicate, Shard

from lmlab.mesh.rules import names_of, partition_spec, placements

RULES = {"batch": "data", "heads": "model", "mlp": "model", "vocab": "model", "embed": None}


def test_the_lectures_attention_mapping():
    """Row S1-17: {"b": "data", "n": None, "d": None, "h": "model", "k": None}."""
    mapping = {"b": "data", "n": None, "d": None, "h": "model", "k": None}
    assert partition_spec(("b", "n", "d"), mapping) == ("data", None, None)
    assert partition_spec(("h", "d", "k"), mapping) == ("model", None, None)
    assert partition_spec(("b", "h", "n", "k"), mapping) == ("data", "model", None, None)


@pytest.mark.parametrize(
    ("axes", "spec"),
    [
        (("heads head_width", "embed"), ("model", None)),
        (("embed", "heads head_width"), (None, "model")),
        (("mlp", "embed"), ("model", None)),
        (("vocab", "embed"), ("model", None)),
        (("embed",), (None,)),
        ((None, "heads"), (None, "model")),
        (("batch", "length"), ("data", None)),
    ],
)
def test_rules_to_xla(axes, spec):
    assert partition_spec(axes, RULES) == spec


def test_rules_to_dtensor():
    mesh = ("data", "model")
    assert placements(("mlp", "embed"), mesh, RULES) == (Replicate(), Shard(0))
    assert placements(("embed", "mlp"), mesh, RULES) == (Replicate(), Shard(1))
    stored = RULES | {"embed": "data"}
    assert placements(("embed", "mlp"), mesh, stored) == (Shard(0), Shard(1))
    assert placements(("embed",), mesh, RULES) == (Replicate(), Replicate())


def test_a_rule_on_an_axis_moves_only_that_axis():
    assert partition_spec(("heads head_width", "embed"), {"head_width": "model"}) == (None, None)
    assert names_of("heads head_width") == ["heads", "head_width"] and names_of(None) == []
