from __future__ import annotations

import pytest
import torch

from lmlab.stage.read_out import LinearHead, hidden_states, vectors
from tests.arch.test_bert import small
from tests.conftest import small_gpt

TOKENS = torch.randint(0, 61, (3, 9), generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([9, 4, 1])


def read(arch, tokens, lengths):
    hidden = hidden_states(arch.eval(), tokens, lengths, torch.zeros_like(tokens))
    return hidden, vectors(arch, hidden, lengths)


def test_a_decoder_is_read_at_its_last_token():
    hidden, found = read(small_gpt(), TOKENS, LENGTHS)
    assert torch.equal(found, torch.stack([hidden[0, 8], hidden[1, 3], hidden[2, 0]]))


def test_an_encoder_is_read_at_its_first_token_through_its_pooler():
    arch = small(pooler=False)
    hidden, found = read(arch, TOKENS, LENGTHS)
    assert torch.equal(found, hidden[:, 0])
    arch = small()
    hidden, found = read(arch, TOKENS, LENGTHS)
    assert torch.equal(found, arch.pool(hidden))


@pytest.mark.parametrize("make", [small_gpt, small])
def test_padding_changes_nothing(make):
    arch = make()
    found = read(arch, TOKENS, LENGTHS)[1]
    for row, length in enumerate(LENGTHS.tolist()):
        alone = read(arch, TOKENS[row : row + 1, :length], LENGTHS[row : row + 1])[1]
        torch.testing.assert_close(found[row], alone[0], atol=1e-5, rtol=1e-5)


def test_the_head_begins_near_0_and_drops_only_while_it_trains():
    head, given = LinearHead(32, 3, 0.5), torch.ones(4, 32)
    assert head(given).abs().max() < 1
    assert not torch.equal(head(given), head(given))
    head.eval()
    assert torch.equal(head(given), head(given))
