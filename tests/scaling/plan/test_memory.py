from __future__ import annotations

import pytest
import torch

from lmlab.scaling.plan.memory import (
    Layout,
    activation_bytes,
    memory_by_part,
    total_memory,
)
from lmlab.scaling.plan.shape import Shape, num_params
from tests.conftest import small_gpt

SMALL = Shape(2, 32, 4, 128, 61, 64)
GPT3 = Shape(96, 12288, 96, 4 * 12288, 50257, 2048)
SINGLE = Layout(precision="fp32")


def test_weights_gradients_and_adam_of_the_real_model():
    model = small_gpt()
    model.unembed(model(torch.zeros(1, 8, dtype=torch.long))).sum().backward()
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.step()
    parts = memory_by_part(SMALL, SINGLE, 8, 8)
    held = [
        tensor for state in optimizer.state.values() for tensor in state.values() if tensor.dim()
    ]
    assert parts["weights"] == sum(p.nbytes for p in model.parameters())
    assert parts["gradients"] == sum(p.grad.nbytes for p in model.parameters())
    assert parts["optimizer"] == sum(tensor.nbytes for tensor in held)


@pytest.mark.parametrize(
    ("arch", "shape"), [({}, {}), ({"feed_forward": "swiglu"}, {"ff_matrices": 3})]
)
def test_activations_of_the_real_model_within_ten_percent(arch, shape):
    keys = {"width": 64, "num_layers": 4} | arch
    model = small_gpt(**keys)
    own = {parameter.data_ptr() for parameter in model.parameters()}
    saved: dict[int, int] = {}

    def keep(tensor):
        if tensor.data_ptr() not in own and tensor.is_floating_point():
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = model(torch.randint(61, (8, 64)))
    assert hidden.requires_grad
    planned = activation_bytes(Shape(4, 64, 4, 256, 61, 64, **shape), SINGLE, 8 * 64, 64)
    assert sum(saved.values()) == pytest.approx(planned, rel=0.1)


def test_zero_stages_divide_what_they_say():
    stages = [
        memory_by_part(GPT3, Layout(zero=stage, data=64), 2048, 2048) for stage in (0, 1, 2, 3)
    ]
    one = memory_by_part(GPT3, Layout(), 2048, 2048)
    assert (
        stages[1]["optimizer"] == one["optimizer"] / 64
        and stages[1]["gradients"] == one["gradients"]
    )
    assert (
        stages[2]["gradients"] == one["gradients"] / 64 and stages[2]["weights"] == one["weights"]
    )
    assert stages[3]["weights"] == one["weights"] / 64
    totals = [sum(parts.values()) for parts in stages]
    assert totals == sorted(totals, reverse=True)


def test_sixteen_bytes_a_parameter_as_in_the_zero_paper():
    parts = memory_by_part(GPT3, Layout(precision="bf16_master"), 2048, 2048)
    states = sum(parts[name] for name in ("weights", "working copy", "gradients", "optimizer"))
    assert states == 16 * num_params(GPT3)


def test_weights_of_gpt_3_need_over_400_gb():
    assert memory_by_part(GPT3, SINGLE, 2048, 2048)["weights"] == pytest.approx(700e9, rel=0.01)


def test_checkpointing_tensor_parallel_and_fusion_save_memory():
    plain = activation_bytes(GPT3, Layout(), 2048, 2048)
    assert activation_bytes(GPT3, Layout(checkpointing="blocks"), 2048, 2048) < 0.13 * plain
    assert activation_bytes(GPT3, Layout(tensor=8), 2048, 2048) < 0.5 * plain
    assert activation_bytes(GPT3, Layout(fused_attention=False), 2048, 2048) > 1.8 * plain
    whole = Layout(fused_loss=False)
    logits = 8 * 2048 * 50257 + 4 * 50257 * 12288  # and the unembedding's gradient
    assert memory_by_part(GPT3, whole, 2048, 2048)["logits"] == logits


def test_korthikanti_table_2():
    """34 s b h bytes a layer without scores, of which 2 are dropout masks; equal heads, 16 bits."""
    layout = Layout(precision="bf16_master")
    block = activation_bytes(GPT3, layout, 2048, 2048) / 96 / 2048 / 12288
    assert block == pytest.approx(32, rel=0.01)
    autocast = activation_bytes(GPT3, Layout(), 2048, 2048) / 96 / 2048 / 12288
    assert autocast == pytest.approx(36, rel=0.01)  # the inputs of two norms are in 4 bytes


def test_more_devices_never_need_more_memory_each():
    few, many = (total_memory(GPT3, Layout(zero=3, data=n), 2048, 2048) for n in (8, 64))
    assert many < few
    with pytest.raises(ValueError, match="layout.data=0"):
        Layout(data=0)


def test_with_one_micro_batch_gradients_take_the_place_of_activations():
    several = memory_by_part(SMALL, SINGLE, 8, 8, num_micro=2)
    one = memory_by_part(SMALL, SINGLE, 8, 8, num_micro=1)
    assert several["gradients"] > several["activations"] > 0
    assert one == several | {"activations": 0.0}
    buckets = memory_by_part(SMALL, Layout(data=2), 8, 8, num_micro=1)
    assert buckets["activations"] > 0  # which DDP's gradients lie in all the time


def test_replicas_hold_a_whole_model_each():
    eight, two = Layout(zero=3, data=8), Layout(zero=3, data=8, replicas=2)
    held = [memory_by_part(GPT3, layout, 2048, 2048) for layout in (eight, two)]
    assert held[1]["weights"] == 2 * held[0]["weights"] == held[1]["gradients"]


def test_what_is_kept_whole_or_waits_on_the_cpu():
    plain = memory_by_part(GPT3, Layout(zero=3, data=8), 2048, 2048)
    blocks = memory_by_part(GPT3, Layout(zero=3, data=8, keeps_blocks=True), 2048, 2048)
    assert blocks["communication"] > 10 * plain["communication"]
    step = memory_by_part(GPT3, Layout(zero=3, data=8, keeps_gradients=True), 2048, 2048)
    assert step["gradients"] == 8 * plain["gradients"]
    away = memory_by_part(GPT3, Layout(zero=3, data=8, offload="all"), 2048, 2048)
    assert away["weights"] == away["gradients"] == away["optimizer"] == 0 < away["activations"]
    states = memory_by_part(GPT3, Layout(zero=2, data=8, offload="optimizer"), 2048, 2048)
    assert states["optimizer"] == 0 < states["weights"]
