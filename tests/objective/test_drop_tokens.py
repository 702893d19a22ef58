from __future__ import annotations

import numpy as np

from lmlab.objective.denoise import keep_hidden, keep_visible
from lmlab.objective.noise import iid_mask
from tests.objective.slide import REAL, TEXT, examples, hidden, ids, make, pairs, seeds, shown


def test_the_sentence_of_the_slide():
    """Row S0-08."""
    noise = hidden("for", "inviting", "last")
    assert shown(keep_visible(ids(TEXT), noise, REAL)) == "Thank you me to your party week ."
    assert shown(keep_hidden(ids(TEXT), noise, REAL)) == "for inviting last"


def test_with_the_places_that_were_hidden_the_original_is_restored():
    windows = examples(20, 100)
    noise = iid_mask(seeds(20), np.ones((20, 100), bool), 0.15)
    for row, (source, target) in enumerate(pairs(make("drop_tokens"), windows)):
        assert len(target) == 15
        restored = np.empty(100, np.int64)
        restored[noise[row]], restored[~noise[row]] = target, source
        assert restored.tolist() == windows[row].tokens.tolist()
