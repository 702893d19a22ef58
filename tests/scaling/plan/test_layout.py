from __future__ import annotations

import pytest

from lmlab.scaling.plan.layout import chosen_layout, layout_name, resized
from lmlab.scaling.plan.memory import Layout

SINGLE = Layout(precision="fp32")


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
    layout = chosen_layout(strategy, devices, tensor, SINGLE)
    assert layout_name(layout) == name and layout.precision == "fp32"
    assert (layout.zero, layout.data, layout.tensor) == (zero, data, tensor)


def test_what_is_unusual_is_in_the_name():
    blocks = Layout(checkpointing="blocks")
    assert layout_name(chosen_layout("zero3", 4, 1, blocks)) == "zero 3, blocks checkpointed"
    shared = Layout(zero=3, data=8, replicas=2, keeps_gradients=True, offload="all")
    assert layout_name(shared) == "zero 3, 2 replicas, gradients kept whole, on the CPU"
    assert layout_name(Layout(data=2, tensor=4)) == "DDP, tensor 4"


def test_another_number_of_devices():
    assert resized(Layout(data=2, tensor=4), 32, 4) == Layout(data=8, tensor=4)
    with pytest.raises(ValueError, match=r"hardware.replicas=4 does not divide 6 data copies"):
        resized(Layout(zero=3, data=8, replicas=4), 6, 1)


def test_what_cannot_be():
    with pytest.raises(ValueError, match=r"stage.tensor=3 does not divide 8"):
        chosen_layout("zero3", 8, 3, SINGLE)
    with pytest.raises(ValueError, match=r"stage.strategy=none.*stage.strategy=ddp"):
        chosen_layout("none", 8, 1, SINGLE)
