from __future__ import annotations

import pytest
import torch
from torch import nn

from lmlab.arch.layer.lora import LoraLinear, add_lora, without_lora
from tests.conftest import small_gpt

TOKENS = torch.arange(12).reshape(1, 12)


def trained() -> nn.Module:
    """A GPT with adapters that are not 0."""
    arch = small_gpt()
    add_lora(arch, 2, 4.0, ["query", "down"])
    for name, parameter in arch.named_parameters():
        if name.endswith("lora_out"):
            nn.init.normal_(parameter)
    return arch


def test_the_sum_by_hand():
    linear = nn.Linear(2, 1, bias=False)
    linear.weight.data = torch.tensor([[1.0, 2.0]])
    layer = LoraLinear(linear, 1, 3.0)
    layer.lora_in.data, layer.lora_out.data = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5]])
    assert float(layer(torch.tensor([[2.0, 1.0]]))) == pytest.approx(4.0 + 3.0 * 0.5 * 2.0)


def test_nothing_changes_at_first_and_only_the_adapters_train():
    plain, arch = small_gpt(), small_gpt()
    assert add_lora(arch, 2, 4.0, ["query", "value"]) == 4
    assert torch.equal(arch(TOKENS), plain(TOKENS))
    training = {name for name, p in arch.named_parameters() if p.requires_grad}
    assert training == {name for name, _ in arch.named_parameters() if ".lora_" in name}
    assert len(training) == 8
    assert plain.state_dict().keys() < arch.state_dict().keys()


def test_without_the_adapters_it_is_the_base_again():
    plain, arch = small_gpt(), trained()
    assert not torch.allclose(arch(TOKENS), plain(TOKENS))
    with without_lora(arch):
        assert torch.equal(arch(TOKENS), plain(TOKENS))
    assert not torch.allclose(arch(TOKENS), plain(TOKENS))


def test_gradients_reach_both_matrices():
    arch = trained()
    arch(TOKENS).square().sum().backward()
    grads = {name: p.grad for name, p in arch.named_parameters() if ".lora_" in name}
    assert all(grad is not None and float(grad.norm()) > 0 for grad in grads.values())


@pytest.mark.parametrize("targets", [["gate"], ["query", "token_embedding"], []])
def test_a_layer_that_is_not_there_is_named(targets):
    with pytest.raises(ValueError, match="has query, key, value, output, up, down"):
        add_lora(small_gpt(), 2, 4.0, targets)
