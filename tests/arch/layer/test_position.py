from __future__ import annotations

import math

import torch

from lmlab.arch.layer.position import (
    SinusoidalPosition,
    rotary_angles,
    rotate,
    sinusoidal_table,
)


def test_sinusoidal_table_of_a_hand_case():
    table = sinusoidal_table(3, 4)
    want = [math.sin(2), math.cos(2), math.sin(2 / 100), math.cos(2 / 100)]
    torch.testing.assert_close(table[2], torch.tensor(want))


def test_sinusoidal_position_has_no_parameters_and_no_state():
    layer = SinusoidalPosition(8, 4)
    assert not list(layer.parameters()) and not layer.state_dict()
    assert layer(torch.tensor([[0, 1]])).shape == (1, 2, 4)


def test_rotary_products_depend_on_distance_only():
    torch.manual_seed(0)
    query, key = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def product(at: int, other: int) -> float:
        turned = [
            rotate(x, *rotary_angles(torch.tensor([position]), 8, 10000.0))
            for x, position in ((query, at), (key, other))
        ]
        return float((turned[0] * turned[1]).sum())

    assert abs(product(3, 1) - product(9, 7)) < 1e-5
    assert abs(product(3, 1) - product(4, 1)) > 1e-3


def test_rotation_by_zero_changes_nothing():
    x = torch.randn(1, 2, 1, 8)
    torch.testing.assert_close(rotate(x, *rotary_angles(torch.tensor([0]), 8, 10000.0)), x)
