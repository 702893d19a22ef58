from __future__ import annotations

import numpy as np
import pytest

from lmlab.batch import Vocab
from lmlab.data.sequences import parts_of, sequence, shortened
from lmlab.data.table.labelled import Labelled

VOCAB = Vocab(size=9, eos=0, pad=1, mask=2, cls=3, sep=4)
A, B = np.array([5, 6]), np.array([7])


@pytest.mark.parametrize(
    ("lengths", "room", "kept"),
    [
        ([3, 4], 9, [3, 4]),
        ([3, 50], 20, [3, 17]),
        ([50, 3], 20, [17, 3]),
        ([50, 60], 21, [10, 11]),
        ([30], 20, [20]),
    ],
)
def test_the_longer_text_is_cut_first(lengths, room, kept):
    assert shortened(lengths, room) == kept


@pytest.mark.parametrize(
    ("kind", "tokens", "second"),
    [
        ("decoder", [0, 5, 6, 4, 7, 3], 4),
        ("encoder", [3, 5, 6, 4, 7, 4], 4),
        ("encoder_decoder", [5, 6, 4, 7, 0], 3),
    ],
)
def test_a_pair_for_every_kind_of_architecture(kind, tokens, second):
    found, begins, cut = sequence((A, B), VOCAB, kind, 8)
    assert found.tolist() == tokens and begins == second and not cut


def test_what_is_cut_is_said():
    found, begins, cut = sequence((A, B), VOCAB, "decoder", 5)
    assert found.tolist() == [0, 5, 4, 7, 3] and begins == 3 and cut
    assert sequence((B,), VOCAB, "decoder", 8)[1:] == (8, False)


def test_the_sequences_of_an_example():
    ids = {"a": A, "b": B}
    pair, choice = Labelled(("a", "b"), "x"), Labelled(("a",), "1", ("b", "a"))
    shown = [[part.tolist() for part in parts] for parts in parts_of(pair, ids, True)]
    assert shown == [[[5, 6], [7]], [[7], [5, 6]]]
    shown = [[part.tolist() for part in parts] for parts in parts_of(choice, ids, False)]
    assert shown == [[[5, 6], [7]], [[5, 6], [5, 6]]]
