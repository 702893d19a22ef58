from __future__ import annotations

from lmlab.scaling.plan.accelerator import accelerator
from lmlab.scaling.plan.candidate import candidate_layouts, smallest_layout
from lmlab.scaling.plan.shape import Shape

SMALL = Shape(12, 768, 12, 3072, 50257, 2048)
GPT3 = Shape(96, 12288, 96, 4 * 12288, 50257, 2048)


def test_the_least_sharding_that_fits():
    a100 = accelerator("A100")
    assert smallest_layout(SMALL, a100, 1, 2048) == "one device"
    assert smallest_layout(GPT3, a100, 1024, 2048) == "zero 3, blocks checkpointed"
    assert smallest_layout(GPT3, a100, 8, 2048).startswith("none fits 8 x A100")
    assert all(layout.num_devices == 64 for _, layout in candidate_layouts(64))


def test_blocks_that_are_asked_for_are_in_every_one():
    found = candidate_layouts(8, "fp32", "blocks")
    assert all(
        layout.checkpointing == "blocks" and layout.precision == "fp32" for _, layout in found
    )
    assert len({name for name, _ in found}) == len(found)
