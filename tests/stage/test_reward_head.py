from __future__ import annotations

import pytest
import torch

from lmlab.stage.reward_head import RewardHead, rewards
from tests.conftest import small_gpt


def test_padding_does_not_move_a_reward():
    arch = small_gpt().eval()
    torch.manual_seed(0)
    head = RewardHead(32)
    tokens = torch.randint(60, (1, 7))
    padded = torch.cat((tokens, torch.full((1, 5), 3)), dim=1)
    alone = rewards(arch, head, tokens, torch.tensor([7]))
    assert alone.shape == (1,)
    torch.testing.assert_close(rewards(arch, head, padded, torch.tensor([7])), alone)


def test_it_reads_the_last_token_of_each():
    arch, head = small_gpt().eval(), RewardHead(32)
    tokens = torch.randint(60, (2, 6))
    both = rewards(arch, head, tokens, torch.tensor([6, 3]))
    one = rewards(arch, head, tokens[1:, :3], torch.tensor([3]))
    torch.testing.assert_close(both[1:], one)


@pytest.mark.parametrize("parts", [1, 2, 4, 7])
def test_passes_by_length_give_the_same_rewards_and_gradients(parts):
    arch, head = small_gpt().eval(), RewardHead(32)
    torch.manual_seed(0)
    tokens, lengths = torch.randint(60, (7, 12)), torch.tensor([3, 12, 7, 7, 1, 9, 2])
    one_by_one = [rewards(arch, head, tokens[i : i + 1], lengths[i : i + 1]) for i in range(7)]
    found = rewards(arch, head, tokens, lengths, parts)
    torch.testing.assert_close(found, torch.cat(one_by_one))
    weight = next(arch.parameters())
    (gradient,) = torch.autograd.grad((found * torch.arange(7)).sum(), weight)
    expected = sum(i * one for i, one in enumerate(one_by_one))
    torch.testing.assert_close(gradient, *torch.autograd.grad(expected.sum(), weight))
