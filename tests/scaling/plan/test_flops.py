from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lmlab.scaling.plan.flops import forward_flops, trained
from lmlab.scaling.plan.shape import Shape
from tests.conftest import small_gpt

SMALL = Shape(2, 32, 4, 128, 61, 64)
GPT3 = Shape(96, 12288, 96, 4 * 12288, 50257, 2048)


def test_by_hand():
    parts = forward_flops(Shape(1, 4, 2, 8, 10), 6, halve_causal=False)
    assert parts == {
        "attention projections": 2 * 64,
        "attention scores": 4 * 4 * 6,
        "feed-forward": 2 * 64,
        "unembedding": 2 * 40,
    }


def test_as_the_architecture_counts():
    assert trained(forward_flops(SMALL, 48)) == small_gpt().flops_per_sequence(0, 48, 48) / 48


def test_as_torch_counts():
    """With attention as plain products: torch does not count the fused kernel of CPUs."""
    model = small_gpt()
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model.unembed(model(torch.zeros(2, 48, dtype=torch.long))).sum().backward()
    assert counter.get_total_flops() == 2 * 48 * trained(
        forward_flops(SMALL, 48, halve_causal=False)
    )


def test_most_of_the_compute_is_in_the_layers():
    """Row S1-08, of a large model."""
    large, small = forward_flops(GPT3, 2048), forward_flops(SMALL, 48)
    assert large["unembedding"] < 0.01 * sum(large.values())
    assert small["unembedding"] > 0.05 * sum(small.values())


def test_doing_blocks_again_adds_a_forward_pass():
    parts = forward_flops(GPT3, 2048)
    assert trained(parts, "blocks") / trained(parts) == pytest.approx(4 / 3, rel=0.01)


@pytest.mark.parametrize(
    ("layers", "width", "published"),
    [
        (12, 768, 2.25e20),
        (24, 1024, 6.41e20),
        (24, 1536, 1.37e21),
        (24, 2048, 2.38e21),
        (32, 2560, 4.77e21),
        (32, 4096, 1.20e22),
        (40, 5120, 2.31e22),
        (96, 12288, 3.14e23),
    ],
)
def test_training_compute_of_the_gpt_3_paper(layers, width, published):
    """Table D.1 counts 6 N D of 300B tokens; attention scores, which it leaves out, are the rest."""
    shape = Shape(layers, width, width // 64, 4 * width, 50257, 2048)
    parts = forward_flops(shape, 2048)
    without_scores = 3 * (sum(parts.values()) - parts["attention scores"]) * 300e9
    assert without_scores == pytest.approx(published, rel=0.03)
    assert trained(parts) * 300e9 == pytest.approx(published, rel=0.2)


def test_an_encoder_decoder_counts_both_stacks():
    both = forward_flops(Shape(6, 512, 8, 2048, 37000, num_encoder_layers=6), 25)
    one = forward_flops(Shape(6, 512, 8, 2048, 37000), 25)
    assert both["attention projections"] == 3 * one["attention projections"]
    assert both["feed-forward"] == 2 * one["feed-forward"]
