from __future__ import annotations

import pytest
from torch import nn

from lmlab.arch.layer.attention import SelfAttention
from lmlab.arch.layer.lora import add_lora
from lmlab.mesh.axes import all_names, named_axes
from tests.mesh import tiny

ARCHS = ("gpt", "bert", "t5", "llama", "bart", "transformer")


def test_attention_names_its_axes_once():
    found = named_axes(SelfAttention(32, 4, 2, 8, bias=True, dropout=0.0))
    assert found["query.weight"].axes == ("heads head_width", "embed")
    assert found["query.weight"].units == (4, 32) and found["key.weight"].units == (2, 32)
    assert found["query.bias"].axes == ("heads head_width",)
    assert found["output.weight"].axes == ("embed", "heads head_width")
    assert found["output.bias"].axes == ("embed",)
    assert found["query.weight"].splits == ("heads",)


@pytest.mark.parametrize("name", ARCHS)
def test_every_parameter_has_names(name):
    named = named_axes(tiny.make(name))
    silent = [each for each, one in named.items() if one.axes == (None,) * one.parameter.dim()]
    assert all(
        each.endswith("bias") for each in silent
    )  # of BERT's heads, as wide as nothing named
    assert {"batch", "heads", "mlp", "vocab", "embed"} <= all_names(named)


def test_tied_weights_have_the_same_names():
    named = named_axes(tiny.make("gpt"))
    assert named["token_embedding.weight"].axes == named["unembedding.weight"].axes


def test_what_is_unnamed_is_not_divided():
    assert named_axes(nn.ModuleDict({"head": nn.Linear(4, 1)}))["head.weight"].axes == (None, None)


def test_an_adapter_in_a_named_layer_is_refused():
    arch = tiny.make("gpt")
    add_lora(arch, 2, 4.0, ["query"])
    with pytest.raises(ValueError, match=r"blocks.0.attention.query.lora_\w+ has no axis names"):
        named_axes(arch)


def test_names_must_be_as_many_as_dimensions():
    layer = nn.Module()
    layer.axes = {"table": ("embed",)}
    layer.table = nn.Embedding(2, 3)
    with pytest.raises(ValueError, match=r"table.weight is \(2, 3\)"):
        named_axes(layer)
