from __future__ import annotations

import torch
from torch import nn

from lmlab.undrawn import NothingDrawn


def test_a_module_is_made_without_drawing():
    state = torch.get_rng_state()
    with NothingDrawn():
        nn.init.normal_(weight := torch.full((2, 2), 7.0))
        nn.Linear(3, 3)
    assert float(weight.sum()) == 28.0 and torch.equal(state, torch.get_rng_state())
