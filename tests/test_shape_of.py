"""Every architecture option, counted on the meta device against what its shape says."""

from __future__ import annotations

import pytest

from lmlab.config.place import find_places, options
from lmlab.scaling.plan.flops import sequence_flops
from lmlab.scaling.plan.shape import num_params, params_by_part
from lmlab.shape_of import params_of, shape_of
from lmlab.subject import on_meta
from lmlab.undrawn import NothingDrawn
from tests.arch.test_sizes import option
from tests.conftest import small_gpt

NAMES = [
    name
    for name in options(find_places(), "arch")
    if name.endswith(("_tiny", "_30k", "_3b", "_shared", "_half", "_8b", "roberta_base"))
]


def test_by_hand():
    shape = shape_of(small_gpt(num_kv_heads=2, feed_forward="swiglu", ff_width=80))
    assert (shape.num_layers, shape.width, shape.num_heads, shape.kv_width) == (2, 32, 4, 16)
    assert (shape.ff_width, shape.ff_matrices, shape.max_seq_len) == (80, 3, 64)
    assert shape.causal and shape.tied_embeddings and shape.other_params == 0


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_arithmetic_are_those_of_the_architecture(name):
    arch = on_meta(option(name), 1000)
    shape, parts = shape_of(arch), params_of(arch)
    real = sum(parameter.numel() for parameter in arch.parameters())
    assert num_params(shape) == sum(parts.values()) == real
    lengths = (512 if shape.num_encoder_layers else 0, 128, 100)
    mine = 3 * sum(sequence_flops(shape, *lengths).values())
    # BERT's transform before the unembedding is the only matrix that a shape leaves out.
    tolerance = 0.015 if arch.kind == "encoder" else 1e-9
    assert mine == pytest.approx(arch.flops_per_sequence(*lengths), rel=tolerance)


def test_the_parts_of_gpt_3_are_those_of_the_formula():
    arch = on_meta(option("gpt_175b"), 50257)
    assert params_of(arch) == params_by_part(shape_of(arch))


def test_what_is_outside_the_blocks_has_a_name():
    bert = params_of(on_meta(option("bert_base"), 30522))
    assert bert["position embedding"] == 512 * 768
    assert bert["other"] == 2 * 768 + 2 * (768 * 768 + 768) + 30522 + 2 * 768 + 2
    t5 = params_of(on_meta(option("t5_small"), 32128))
    assert t5["position embedding"] == 2 * 32 * 8


def test_nothing_is_drawn_and_nothing_else_is_changed():
    import torch

    with NothingDrawn():
        made = torch.nn.Linear(3, 3)
        torch.nn.init.zeros_(made.bias)
    assert made.bias.tolist() == [0.0, 0.0, 0.0]
