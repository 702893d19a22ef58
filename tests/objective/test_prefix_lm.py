from __future__ import annotations

import numpy as np
import pytest

from lmlab.batch import Window
from lmlab.objective.denoise import keep_hidden, keep_visible, suffix
from lmlab.objective.prefix_lm import split_points
from tests.objective.slide import REAL, TEXT, examples, ids, make, pairs, seeds, shown


def test_the_sentence_of_the_slide():
    """Row S0-03."""
    noise = suffix(np.array([11]), 11, np.array([4]))
    assert shown(keep_visible(ids(TEXT), noise, REAL)) == "Thank you for inviting"
    assert shown(keep_hidden(ids(TEXT), noise, REAL)) == "me to your party last week ."


@pytest.mark.parametrize("num_real", [40, 3, 2])
def test_source_and_target_are_the_text_and_neither_is_empty(num_real):
    windows = examples(20, 40, num_real)
    for window, (source, target) in zip(windows, pairs(make("prefix_lm"), windows), strict=True):
        assert source and target and source + target == window.tokens[:num_real].tolist()


def test_every_split_is_equally_likely():
    split = split_points(seeds(20000), np.full(20000, 6), None)
    assert np.bincount(split).tolist()[0] == 0 and len(np.bincount(split)) == 6
    assert np.abs(np.bincount(split)[1:] / 20000 - 0.2).max() < 0.015


def test_a_fixed_share_of_what_is_real():
    split = split_points(seeds(4), np.array([100, 10, 1, 0]), 0.25)
    assert split.tolist() == [25, 2, 1, 0]


def test_on_a_decoder_the_row_is_the_text_and_the_rest_counts():
    objective = make("prefix_lm", "decoder", prefix_fraction=0.4)
    assert objective.window(4) == Window(length=5, stride=4)
    window = examples(1, 5)
    batch = objective.collate(window, seeds(1), True)
    text = window[0].tokens.tolist()
    assert batch.tokens.tolist() == [text[:4]] and batch.targets.tolist() == [text[1:]]
    assert batch.prefix.tolist() == [[True, True, False, False]]
    assert batch.mask.tolist() == [[False, True, True, True]]
    assert batch.positions is None and batch.documents is None


def test_on_a_decoder_attention_can_stay_inside_documents():
    window = examples(1, 7)
    window[0].tokens[3] = 0
    batch = make("prefix_lm", "decoder").collate(window, seeds(1), False)
    assert batch.documents.tolist() == [[0, 0, 0, 1, 1, 1]]
    assert batch.positions.tolist() == [[0, 1, 2, 0, 1, 2]]


def test_padding_of_a_decoder_row_does_not_count():
    for num_real in (0, 1, 3):
        batch = make("prefix_lm", "decoder").collate(examples(5, 9, num_real), seeds(5), True)
        assert not batch.mask[:, max(0, num_real - 1) :].any()
        assert bool(batch.mask.any()) == (num_real > 1)


def test_a_share_of_all_is_refused():
    with pytest.raises(ValueError, match="objective.prefix_fraction=1"):
        make("prefix_lm", prefix_fraction=1.0)
