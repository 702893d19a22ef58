from __future__ import annotations

import pytest

from lmlab.mesh import check
from tests.mesh import tiny

MESH = {"data": 2, "model": 4}


@pytest.mark.parametrize("name", ["gpt", "bert", "t5", "llama", "bart", "transformer"])
def test_the_rules_of_the_option_fit(name):
    check(tiny.make(name), MESH, tiny.RULES)
    check(tiny.make(name), MESH, tiny.RULES | {"embed": "data"})


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"head": "model"}, "hardware.rules.head: no tensor has an axis .*; did you mean heads?"),
        ({"heads": "modell"}, "hardware.rules.heads=modell: .*; did you mean model?"),
        ({"heads": "x"}, "hardware.mesh has no axis x; there are data, model"),
        (
            {"heads": "model", "embed": "model"},
            r"blocks.0.attention.query.weight \(32, 32\): its axes heads and embed are both on "
            "hardware axis model",
        ),
        (
            {"head_width": "model"},
            r"in blocks.0.attention.query.weight \(32, 32\) head_width lies inside heads",
        ),
    ],
)
def test_rules_that_cannot_be(rules, message):
    with pytest.raises(ValueError, match=message):
        check(tiny.make("gpt"), MESH, rules)


def test_an_axis_that_does_not_divide_names_its_tensor():
    arch = tiny.make("llama", num_kv_heads=2)
    message = r"blocks.0.attention.key.weight \(8, 32\): axis heads has 2 and hardware.mesh.model=4"
    with pytest.raises(ValueError, match=message):
        check(arch, MESH, {"heads": "model"})
    with pytest.raises(ValueError, match="axis embed has 32 and hardware.mesh.data=3"):
        check(arch, {"data": 3}, {"embed": "data"})


def test_a_vocabulary_need_not_divide_where_it_is_computed_in_parts():
    arch = tiny.make("gpt", vocab_size=61)
    check(arch, MESH, {"batch": "data", "vocab": "model"})
    with pytest.raises(ValueError, match="axis vocab has 61 and hardware.mesh.data=2"):
        check(arch, MESH, {"batch": "data", "vocab": "data"})
    with pytest.raises(ValueError, match="axis vocab has 5"):
        check(tiny.make("gpt", vocab_size=5), MESH, {"vocab": "model"})


def test_a_mesh_has_places():
    with pytest.raises(ValueError, match="hardware.mesh.data=0 must be 1 or more"):
        check(tiny.make("gpt"), {"data": 0}, {})
