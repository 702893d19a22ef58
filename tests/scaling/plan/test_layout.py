from __future__ import annotations

import pytest

from lmlab.scaling.plan.layout import chosen_layout


@pytest.mark.parametrize(
    ("strategy", "devices", "tensor", "name", "zero", "data"),
    [
        ("none", 1, 1, "one device", 0, 1),
        ("none", 8, 8, "tensor 8", 0, 1),
        ("ddp", 8, 1, "DDP", 0, 8),
        ("zero2", 8, 1, "zero 2", 2, 8),
        ("zero3", 64, 8, "zero 3, tensor 8", 3, 8),
    ],
)
def test_names_and_numbers(strategy, devices, tensor, name, zero, data):
    found, layout = chosen_layout(strategy, devices, tensor, "fp32", "none")
    assert found == name and (layout.zero, layout.data, layout.tensor) == (zero, data, tensor)


def test_blocks_are_named():
    found, layout = chosen_layout("zero3", 4, 1, "bf16_mixed", "blocks")
    assert found == "zero 3, blocks checkpointed" and layout.checkpointing == "blocks"


def test_what_cannot_be():
    with pytest.raises(ValueError, match=r"stage.tensor=3 does not divide 8"):
        chosen_layout("zero3", 8, 3, "fp32", "none")
    with pytest.raises(ValueError, match=r"stage.strategy=none.*stage.strategy=ddp"):
        chosen_layout("none", 8, 1, "fp32", "none")
