from __future__ import annotations

import pytest

from lmlab.scaling.plan.communication import bytes_sent, ring_all_reduce
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.shape import Shape, num_params

SHAPE = Shape(2, 32, 4, 128, 61, 64)
MASTER = {"precision": "bf16_master"}


def test_by_hand():
    assert ring_all_reduce(100.0, 4) == 150.0 and ring_all_reduce(100.0, 1) == 0.0


def test_stages_0_to_2_send_the_same_and_stage_3_half_as_much_again():
    """Rajbhandari et al. section 7: 2 psi for stages 1 and 2, 3 psi for stage 3."""
    totals = [
        sum(bytes_sent(SHAPE, Layout(zero=stage, data=4, **MASTER), 64).values())
        for stage in (0, 1, 2, 3)
    ]
    assert totals[0] == totals[1] == totals[2] == pytest.approx(2 * 0.75 * 2 * num_params(SHAPE))
    assert totals[3] == pytest.approx(1.5 * totals[0])


def test_only_stage_3_pays_for_every_micro_batch():
    def total(stage: int, micro: int) -> float:
        return sum(bytes_sent(SHAPE, Layout(zero=stage, data=4), 64, micro).values())

    assert total(0, 8) == total(0, 1) and total(3, 8) == pytest.approx(8 * total(3, 1))


def test_tensor_parallel_sums_twice_a_layer_and_pass():
    layout = Layout(tensor=2)
    sent = bytes_sent(SHAPE, layout, micro_tokens=64)
    assert sent == {"activations, all-reduce": 2 * (2 + 2) * 2 * 64 * 32}
    again = bytes_sent(SHAPE, Layout(tensor=2, checkpointing="blocks"), 64)
    assert sum(again.values()) == 1.5 * sum(sent.values())


def test_one_device_sends_nothing():
    assert bytes_sent(SHAPE, Layout(), 64) == {}


def test_replicas_gather_among_fewer_and_sum_over_the_others():
    sent = bytes_sent(SHAPE, Layout(zero=3, data=8, replicas=2, precision="fp32"), 64)
    size = 4 * num_params(SHAPE)
    assert sent == {
        "weights, all-gather": pytest.approx(2 * size * 3 / 4),
        "gradients, reduce-scatter": pytest.approx(size * 3 / 4),
        "gradients, all-reduce": pytest.approx(size / 4),
    }
