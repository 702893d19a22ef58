from __future__ import annotations

from collections import Counter

import pytest
import torch

from lmlab.mesh.collective import Collective
from lmlab.mesh.traffic import collectives_of, pretended_mesh, sent_in_a_step
from lmlab.scaling.plan.communication import bytes_sent
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.shape import Shape
from tests.mesh import tiny

MESH = {"data": 2, "model": 4}
LENGTHS = {"gpt": (0, 12, 12.0), "llama": (0, 12, 12.0), "bert": (0, 12, 2.0), "t5": (12, 4, 4.0)}


def found(name: str, rules: dict = tiny.RULES, mesh: dict = MESH) -> list[Collective]:
    arch = tiny.make(name).to("meta")
    return collectives_of(arch, mesh, rules, LENGTHS[name], 2)


@pytest.mark.parametrize("name", tiny.NAMES)
def test_two_sums_a_block_forward_and_two_backward(name):
    """Megatron-LM's count (Shoeybi et al. 2019, section 3); a decoder that reads an encoder has three."""
    inside = [one for one in found(name) if "blocks" in one.where and one.axis == "model"]
    counted = Counter(one.what for one in inside)
    sums = 2 * 2 + 2 * 3 if name == "t5" else 2 * 2
    assert counted["activation"] == sums
    assert counted["its gradient"] == sums + (2 if name == "t5" else 0)  # and the memory's, each


def test_sizes_are_those_of_the_arrays():
    rows = found("gpt")
    first = rows[0]
    assert (first.where, first.numel) == ("token_embedding", 2 * 12 * 32)
    gradients = [one for one in rows if one.what == "gradient"]
    assert {one.axis for one in gradients} == {"data"}
    held = tiny.make("gpt")
    with pretended_mesh(MESH) as mesh:
        from lmlab.mesh import parallelize

        parallelize(held.to("meta"), mesh, tiny.RULES)
        parts = sum(p.to_local().numel() for p in held.parameters())
    assert sum(one.numel for one in gradients) == parts


def test_activations_of_the_blocks_are_those_of_the_plan():
    """lmlab.scaling has them by Megatron-LM's formula; here they are counted as they are sent."""
    shape = Shape(2, 32, 4, 128, 61, 16)
    formula = bytes_sent(shape, Layout(data=2, tensor=4, precision="bf16_mixed"), 2 * 12, 3)
    sent = sent_in_a_step(found("gpt"), MESH, num_micro=3, activation_bytes=2)
    blocks = sum(s.sent_bytes for s in sent if s.axis == "model" and s.where.startswith("blocks"))
    assert blocks == formula["activations, all-reduce"]


def test_weights_stored_in_parts_are_gathered():
    rows = found("gpt", tiny.RULES | {"embed": "data"})
    assert {one.kind for one in rows if one.what == "weight"} == {"all-gather"}
    assert "reduce-scatter" in {one.kind for one in rows if one.what == "gradient"}


def test_nothing_is_sent_where_nothing_is_divided():
    assert found("gpt", {}) == []


def test_a_step_counts_every_pass_and_averages_once():
    one = Collective("all-reduce", "model", 100, "blocks.3.attention", "activation")
    other = Collective("all-reduce", "model", 100, "blocks.4.attention", "activation")
    mean = Collective("all-reduce", "data", 10, "final_norm.weight", "gradient")
    sent = sent_in_a_step([one, other, mean], MESH, num_micro=3, activation_bytes=2)
    assert [(s.where, s.times, s.array_bytes) for s in sent] == [
        ("blocks.*.attention", 6, 200),
        ("final_norm.weight", 1, 40),
    ]
    assert sent[0].sent_bytes == 6 * 2 * 3 / 4 * 200
    assert sent_in_a_step([one], {"model": 1}, num_micro=1, activation_bytes=2) == []


@pytest.mark.parametrize("shape", [{"data": 8, "model": 8}, {"data": 128, "model": 8}])
def test_a_mesh_of_up_to_1024_devices_is_pretended(shape):
    with pretended_mesh(shape) as mesh:
        assert tuple(mesh.shape) == tuple(shape.values()) and mesh.get_local_rank("model") == 0
    assert not torch.distributed.is_initialized()


def test_a_process_of_a_real_group_cannot_pretend():
    with pretended_mesh({"data": 2}):
        with pytest.raises(RuntimeError, match="part of a group"), pretended_mesh({"data": 2}):
            pass
