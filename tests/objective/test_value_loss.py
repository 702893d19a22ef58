from __future__ import annotations

import torch

from lmlab.objective.value_loss import clipped_value_loss, squared_value_loss


def test_half_the_square():
    assert squared_value_loss(torch.tensor([1.0]), torch.tensor([4.0])).tolist() == [4.5]


def test_the_clip_by_hand():
    values, old = torch.tensor([3.0, 0.1, -3.0]), torch.zeros(3)
    targets = torch.tensor([3.0, 1.0, 3.0])
    loss, bounded = clipped_value_loss(values, old, targets, 0.5)
    torch.testing.assert_close(loss, torch.tensor([0.5 * 2.5**2, 0.5 * 0.9**2, 18.0]))
    assert bounded.tolist() == [True, False, False]


def test_without_a_clip_it_is_plain():
    values, targets = torch.randn(5), torch.randn(5)
    loss, bounded = clipped_value_loss(values, torch.zeros(5), targets, None)
    assert torch.equal(loss, squared_value_loss(values, targets)) and not bounded.any()


def test_where_the_clip_holds_the_gradient_is_gone():
    values = torch.tensor([3.0], requires_grad=True)
    clipped_value_loss(values, torch.zeros(1), torch.tensor([3.5]), 0.5)[0].sum().backward()
    assert values.grad.tolist() == [0.0]
