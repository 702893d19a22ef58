from __future__ import annotations

from torch import nn

from lmlab.stage.freeze import freeze_unread


def test_what_a_loss_does_not_read_is_frozen_and_no_gradient_stays():
    stage = nn.ModuleDict({"read": nn.Linear(2, 2), "unread": nn.Linear(2, 2)})
    freeze_unread(stage, lambda: stage["read"].weight.sum())
    trains = {name for name, parameter in stage.named_parameters() if parameter.requires_grad}
    assert trains == {"read.weight"} and stage.training
    assert all(parameter.grad is None for parameter in stage.parameters())
