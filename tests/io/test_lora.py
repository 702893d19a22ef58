from __future__ import annotations

import torch

from lmlab.io.lora import without_adapters
from tests.arch.layer.test_lora import TOKENS, trained
from tests.conftest import small_gpt


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


def test_plain_weights_compute_what_the_adapted_ones_did():
    plain, arch = small_gpt(), trained()
    plain.load_state_dict(without_adapters(arch.state_dict()))
    torch.testing.assert_close(plain(TOKENS), arch(TOKENS), atol=1e-5, rtol=1e-5)
