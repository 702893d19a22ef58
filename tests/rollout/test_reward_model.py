from __future__ import annotations

import pytest
import torch

from lmlab.rollout.reward_model import model_rewards
from tests.conftest import small_gpt
from tests.rollout.law import draw


def test_rewards_do_not_depend_on_padding_or_micro_batches():
    arch, head = small_gpt(), torch.nn.Linear(32, 1)
    rollout = draw(arch, stop=(3, 4, 5, 6, 7))
    inputs = rollout.prompt, rollout.prompt_mask, rollout.response, rollout.mask
    together = model_rewards(arch, head, *inputs, pad=0)
    torch.testing.assert_close(model_rewards(arch, head, *inputs, pad=0, micro_rows=4), together)
    for row, (prompt, response) in enumerate(
        zip(rollout.prompts(), rollout.responses(), strict=True)
    ):
        alone = head(arch(torch.cat((prompt, response))[None])[0, -1])
        torch.testing.assert_close(together[row], alone[0], atol=1e-5, rtol=1e-5)
    together.sum().backward()
    assert head.weight.grad is not None


def test_nothing_is_cut_in_silence():
    rollout = draw(small_gpt())
    inputs = rollout.prompt, rollout.prompt_mask, rollout.response, rollout.mask
    with pytest.raises(ValueError, match="of 17 tokens are longer than the reward model takes"):
        model_rewards(small_gpt(max_seq_len=16), lambda hidden: hidden[:, 0], *inputs, pad=0)
