from __future__ import annotations

import numpy as np
import pytest

from lmlab.objective.bert_style import text_tokens
from tests.objective.slide import BIG, VOCAB, examples, make, pairs


def test_the_target_is_the_original_and_the_input_differs_in_exactly_the_rate():
    windows = examples(50, 200)
    for window, (source, target) in zip(windows, pairs(make("bert_style"), windows), strict=True):
        assert target == window.tokens.tolist()
        changed = np.array(source) != np.array(target)
        assert 29 <= changed.sum() <= 30  # a random token can be the right one


def test_one_in_ten_hidden_tokens_becomes_a_random_text_token():
    rows = pairs(make("bert_style"), examples(200, 200))
    tokens = np.array([source for source, _ in rows])
    num_masks = (tokens == BIG.mask).sum()
    assert num_masks / (200 * 30) == pytest.approx(0.9, abs=0.02)
    others = tokens[tokens != BIG.mask]
    assert not np.isin(others, [BIG.eos, BIG.pad, BIG.sep, *BIG.sentinels]).any()


def test_no_random_tokens_is_mass():
    windows = examples(5, 64)
    assert pairs(make("bert_style", random_fraction=0.0), windows) == pairs(make("mass"), windows)


def test_text_tokens_are_all_that_are_not_special():
    assert text_tokens(VOCAB).tolist() == list(range(1, 13))


def test_a_fraction_beyond_1_is_refused():
    with pytest.raises(ValueError, match="objective.random_fraction=2"):
        make("bert_style", random_fraction=2.0)
