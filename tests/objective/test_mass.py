from __future__ import annotations

import numpy as np

from lmlab.objective.denoise import Ragged, mask_tokens
from tests.objective.slide import BIG, REAL, TEXT, VOCAB, examples, hidden, ids, make, pairs, shown


def test_the_sentence_of_the_slide():
    """Row S0-06."""
    source = mask_tokens(ids(TEXT), hidden("for", "inviting", "last"), VOCAB.mask)
    assert shown(Ragged(source, REAL)) == "Thank you <M> <M> me to your party <M> week ."
    assert shown(Ragged(ids(TEXT), REAL)) == TEXT


def test_exactly_the_rate_is_masked_and_the_target_is_the_original():
    windows = examples(50, 200)
    for window, (source, target) in zip(windows, pairs(make("mass"), windows), strict=True):
        is_mask = np.array(source) == BIG.mask
        assert is_mask.sum() == 30
        assert target == window.tokens.tolist()
        assert (np.array(source) == np.array(target))[~is_mask].all()


def test_every_place_is_masked_equally_often():
    tokens = np.array([source for source, _ in pairs(make("mass"), examples(2000, 20))])
    share = (tokens == BIG.mask).mean(axis=0)
    assert np.abs(share - 0.15).max() < 4 * np.sqrt(0.15 * 0.85 / 2000)
