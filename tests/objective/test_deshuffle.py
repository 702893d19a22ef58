from __future__ import annotations

import numpy as np

from tests.objective.slide import TEXT, examples, make, pairs

PRINTED = "party me for your to . last fun you inviting week Thank"


def test_the_corrected_sentence_of_the_slide_without_its_word_too_many():
    """Row S0-05: the printed line has `fun`, which the sentence has not, and is no permutation."""
    corrected = PRINTED.replace("fun ", "")
    assert sorted(corrected.split()) == sorted(TEXT.split()) != sorted(PRINTED.split())


def test_the_source_has_the_tokens_of_the_target_in_another_order():
    windows = examples(20, 100)
    for window, (source, target) in zip(windows, pairs(make("deshuffle"), windows), strict=True):
        assert target == window.tokens.tolist() != source
        assert sorted(source) == sorted(target)


def test_padding_is_not_shuffled_in():
    for source, target in pairs(make("deshuffle"), examples(20, 100, num_real=7)):
        assert len(source) == 7 and sorted(source) == sorted(target)


def test_every_token_goes_everywhere_equally_often():
    windows = examples(1, 5) * 5000
    first = [source.index(windows[0].tokens[0]) for source, _ in pairs(make("deshuffle"), windows)]
    assert np.abs(np.bincount(first) / 5000 - 0.2).max() < 0.025
