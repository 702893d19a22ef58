from __future__ import annotations

import copy

import torch
from torch import nn

from lmlab.hardware.blocks import blocks_of, checkpoint_blocks, compile_blocks
from tests.conftest import small_gpt

TOKENS = torch.arange(24).view(2, 12)


class Pair(nn.Module):
    """An encoder and a decoder, each with a list."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.blocks = nn.ModuleList([nn.Linear(1, 1)])
        self.decoder.blocks = nn.ModuleList([nn.Sequential(nn.ModuleList([nn.Linear(1, 1)]))])


def test_blocks_are_the_outermost_lists():
    pair = Pair()
    assert blocks_of(pair) == [pair.encoder.blocks[0], pair.decoder.blocks[0]]
    assert blocks_of(nn.Linear(1, 1)) == []


def gradients(arch: nn.Module) -> list[torch.Tensor]:
    torch.manual_seed(1)
    arch(TOKENS).square().sum().backward()
    return [p.grad for p in arch.parameters() if p.grad is not None]


def test_checkpointed_blocks_give_bitwise_the_same_gradients_with_dropout():
    plain, checkpointed = small_gpt(dropout=0.2), small_gpt(dropout=0.2)
    checkpoint_blocks(checkpointed)
    assert list(plain.state_dict()) == list(checkpointed.state_dict())
    for first, second in zip(gradients(plain), gradients(checkpointed), strict=True):
        assert torch.equal(first, second)


def test_a_copy_of_a_checkpointed_architecture_computes_with_its_own_weights():
    arch = small_gpt()
    checkpoint_blocks(arch)
    other = copy.deepcopy(arch)
    before = arch(TOKENS)
    for parameter in other.blocks.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(arch(TOKENS), before) and not torch.equal(other(TOKENS), before)


def test_blocks_are_compiled_one_by_one(monkeypatch):
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    arch = small_gpt()
    compile_blocks(arch)
    assert compiled == list(arch.blocks)
