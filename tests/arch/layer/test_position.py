from __future__ import annotations

import math

import torch

from lmlab.arch.layer.position import (
    SinusoidalPosition,
    rotary_angles,
    rotary_rates,
    rotate,
    sinusoidal_table,
    stretched_rates,
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


def test_rates_begin_at_one_and_fall_towards_the_base():
    rates = rotary_rates(8, 10000.0, torch.device("cpu"))
    torch.testing.assert_close(rates, torch.tensor([1.0, 0.1, 0.01, 0.001]))


def test_stretched_rates_by_hand():
    """Of 16 tokens: waves below 4 stay, those above 16 are 8 times as long, 8 is in between."""
    waves = torch.tensor([2.0, 4.0, 8.0, 16.0, 100.0])
    rates = 2 * math.pi / waves
    share = (16 / 8 - 1) / (4 - 1)  # of the old rate
    wanted = rates * torch.tensor([1.0, 1.0, share + (1 - share) / 8, 1 / 8, 1 / 8])
    torch.testing.assert_close(stretched_rates(rates, 8.0, 1.0, 4.0, 16), wanted)


def test_given_rates_replace_those_of_the_base():
    positions = torch.arange(5)
    rates = rotary_rates(8, 500.0, positions.device)
    ours, theirs = rotary_angles(positions, 8, 1.0, rates), rotary_angles(positions, 8, 500.0)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
