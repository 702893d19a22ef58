from __future__ import annotations

import torch

from lmlab.arch.layer.lora import merge_lora
from lmlab.io.lora import without_adapters
from tests.arch.layer.test_lora import trained


def test_a_product_is_added_by_hand():
    tensors = {
        "a.weight": torch.tensor([[1.0, 2.0]]),
        "a.lora_in": torch.tensor([[1.0, 0.0]]),
        "a.lora_out": torch.tensor([[0.5]]),
        "a.lora_scale": torch.tensor(3.0),
        "b.weight": torch.tensor([7.0]),
    }
    plain = without_adapters(tensors)
    assert plain.keys() == {"a.weight", "b.weight"}
    assert plain["a.weight"].tolist() == [[2.5, 2.0]]


def test_it_is_what_merging_does():
    arch = trained()
    found = without_adapters({name: t.clone() for name, t in arch.state_dict().items()})
    merge_lora(arch)
    for name, tensor in arch.state_dict().items():
        torch.testing.assert_close(found[name], tensor)
