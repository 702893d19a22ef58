from __future__ import annotations

import pytest
from torch import nn

from lmlab.arch.layer.size import (
    check_length,
    encoder_decoder_flops,
    head_width_of,
    num_elements,
)


class Block(nn.Module):
    """One matrix of 3 x 3, and in a decoder cross-attention's two of 3 x 3 that read the source."""

    def __init__(self, *, decoder: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)
        if decoder:
            self.cross_attention = nn.ModuleDict(
                {part: nn.Linear(3, 3) for part in ("key", "value")}
            )


def test_arithmetic_by_hand():
    encoder = nn.ModuleList(Block(decoder=False) for _ in range(2))
    decoder = nn.ModuleList([Block(decoder=True)])
    matrices = (2 * 9 + 18) * 10 + 9 * 4
    pairs = 2 * 10 * 10 + 4 * 2 + 4 * 10
    assert encoder_decoder_flops(encoder, decoder, 3, 10, 4) == 6 * matrices + 12 * 3 * pairs


def test_shared_parameters_count_once():
    one, two = nn.Linear(2, 3, bias=False), nn.Linear(2, 3, bias=False)
    assert num_elements(one, two) == 12
    two.weight = one.weight
    assert num_elements(one, two) == 6


def test_widths_must_divide():
    assert head_width_of(12, 3) == 4
    with pytest.raises(ValueError, match="arch.width=13 is not a multiple of arch.num_heads=3"):
        head_width_of(13, 3)


def test_too_long_is_refused():
    check_length(4, 4, "source")
    with pytest.raises(ValueError, match="a source of 5 tokens is longer than arch.max_seq_len=4"):
        check_length(5, 4, "source")
