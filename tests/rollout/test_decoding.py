from __future__ import annotations

import pytest
import torch

from lmlab.rollout.decoding import start
from tests.arch.test_t5 import small_t5
from tests.conftest import small_gpt
from tests.rollout.law import PROMPTS


class Counting:
    """The interface of an encoder-decoder, with states one can count: sums of what was read."""

    kind = "encoder_decoder"

    def encode(self, source, source_mask=None):
        mask = torch.ones_like(source, dtype=torch.bool) if source_mask is None else source_mask
        assert (source_mask is None) or bool(mask[:, 0].all())  # padding comes behind
        return (source * mask).sum(dim=1)[:, None, None].float()

    def start_decoding(self, memory, source_mask, max_len):
        return State(memory[:, 0])

    def decode(self, tokens, cache):
        cache.total = cache.total + tokens.sum(dim=1, keepdim=True)
        return cache.total[:, None]


class State:
    def __init__(self, total):
        self.total = total

    def select(self, rows):
        self.total = self.total[rows]


def test_an_encoder_decoder_by_hand():
    decoding = start(Counting(), PROMPTS, 4, 100, False)
    assert decoding.hidden.tolist() == [[106.0], [104.0], [135.0]]
    decoding.select(torch.tensor([2, 0]))
    decoding.step(torch.tensor([1, 2]))
    assert decoding.hidden.tolist() == [[136.0], [108.0]]


@pytest.mark.parametrize("arch", [small_gpt().eval(), small_t5()], ids=["gpt", "t5"])
@torch.no_grad()
def test_steps_equal_recomputing_everything(arch):
    decoding = start(arch, PROMPTS, 4, 0, False)
    decoding.select(torch.tensor([1, 1, 2]))
    decoding.step(torch.tensor([10, 11, 12]))
    for row, prompt in enumerate((PROMPTS[1], PROMPTS[1], PROMPTS[2])):
        new = torch.tensor([10 + row])
        if arch.kind == "decoder":
            expected = arch(torch.cat((prompt, new))[None])[0, -1]
        else:
            expected = arch(prompt[None], torch.cat((torch.tensor([0]), new))[None])[0, -1]
        torch.testing.assert_close(decoding.hidden[row], expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_prompts_of_one_length_need_no_mask():
    decoding = start(small_gpt(), PROMPTS[:1] * 2, 4, 0, False)
    assert decoding.documents is None and decoding.positions is None
