from __future__ import annotations

import torch

from lmlab.arch.layer.norm import make_norm


def test_layer_norm_of_a_hand_case():
    out = make_norm("layer", 2, bias=True)(torch.tensor([1.0, 3.0]))
    torch.testing.assert_close(out, torch.tensor([-1.0, 1.0]), atol=1e-4, rtol=0)


def test_rms_norm_keeps_the_sign_and_divides_by_the_root_mean_square():
    out = make_norm("rms", 2, bias=True)(torch.tensor([3.0, 4.0]))
    torch.testing.assert_close(out, torch.tensor([3.0, 4.0]) / 12.5**0.5, atol=1e-4, rtol=0)


def test_eps_is_what_is_left_of_a_row_of_small_numbers():
    x = torch.full((1, 4), 1e-3)
    out = make_norm("rms", 4, bias=False, eps=1e-6)(x)
    torch.testing.assert_close(out, x / (2e-6) ** 0.5)
