from __future__ import annotations

import numpy as np
import pytest
import torch

from lmlab.objective.denoise import name_spans, spell_spans
from lmlab.objective.random_spans import span_size
from tests.objective.slide import (
    BIG,
    REAL,
    TEXT,
    VOCAB,
    examples,
    hidden,
    ids,
    make,
    pairs,
    seeds,
    settings,
    shown,
)
from tests.objective.spans import restore_spans

SENTINELS = np.array(VOCAB.sentinels)


def test_the_sentence_of_the_slide():
    """Row S0-09."""
    noise = hidden("for", "inviting", "me", "your", "party", "last")
    source = name_spans(ids(TEXT), noise, REAL, SENTINELS)
    assert shown(source) == "Thank you <X> to <Y> week ."
    target = "<X> for inviting me <Y> your party last <Z>"
    assert shown(spell_spans(ids(TEXT), noise, SENTINELS)) == target


def test_span_corruption_is_the_same_option_with_t5s_numbers():
    assert settings("span_corruption") == settings("random_spans")
    assert (settings("random_spans")["rate"], settings("random_spans")["mean_span"]) == (0.15, 3.0)


@pytest.mark.parametrize("random_roll", [False, True])
@pytest.mark.parametrize("num_real", [100, 37, 2, 1])
def test_the_original_is_restored_and_the_count_is_exact(num_real, random_roll):
    windows = examples(30, 100, num_real)
    rows = pairs(make("random_spans", random_roll=random_roll), windows)
    for window, (source, target) in zip(windows, rows, strict=True):
        assert restore_spans(source, target, BIG.sentinels) == window.tokens[:num_real].tolist()
        found = [token for token in target if token not in BIG.sentinels]
        assert len(found) == min(max(1, round(0.15 * num_real)), num_real - 1)


def spans_of(random_roll: bool) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of all spans of 2000 rows of 100 tokens, and how often each place is hidden."""
    objective = make("random_spans", random_roll=random_roll)
    windows = examples(1, 100) * 2000
    place = {int(token): index for index, token in enumerate(windows[0].tokens)}
    lengths, hits = [], np.zeros(100)
    for _, target in pairs(objective, windows):
        ends = [at for at, token in enumerate(target) if token in BIG.sentinels]
        lengths += list(np.diff(ends) - 1)
        np.add.at(hits, [place[token] for token in target if token in place], 1)
    return np.array(lengths), hits / 2000


def test_five_spans_of_mean_3_and_of_a_stated_distribution():
    """15 items in 5 parts, all divisions alike: P(length 1) = C(13, 3) / C(14, 4)."""
    lengths, _ = spans_of(random_roll=False)
    assert len(lengths) == 5 * 2000 and lengths.mean() == 3.0
    assert (lengths == 1).mean() == pytest.approx(286 / 1001, abs=0.02)
    assert (lengths == 2).mean() == pytest.approx(220 / 1001, abs=0.02)


def test_places_are_hidden_alike_when_rolled_and_between_the_ends_when_not():
    tokens = examples(1, 100)[0].tokens
    assert len(set(tokens.tolist())) > 90
    once = np.array([np.sum(tokens == token) == 1 for token in tokens])
    _, share = spans_of(random_roll=True)
    assert np.abs(share[once] - 0.15).max() < 5 * np.sqrt(0.15 * 0.85 / 2000)
    _, share = spans_of(random_roll=False)
    assert share[0] == 0 and share[-1] == 1  # as T5: a row begins visible and ends hidden
    middle = share[20:80][once[20:80]]
    assert np.abs(middle - middle.mean()).max() < 5 * np.sqrt(0.15 * 0.85 / 2000)


def test_the_lengths_are_those_of_t5():
    """568 tokens make 512 inputs and 114 targets; ours have one more, the last sentinel."""
    size = span_size(568, 0.15, 3.0, False)
    assert (size.source + 1, size.target + 1) == (512, 114 + 1)
    assert span_size(569, 0.15, 3.0, False).source + 1 > 512
    assert make("random_spans").window(512).length == 568
    assert make("random_spans", "decoder").window(512).length < 512


def test_the_causal_option_has_the_same_rows_read_from_left_to_right():
    windows = examples(4, make("random_spans", "decoder").window(64).length)
    one = make("random_spans", "decoder").collate(windows, seeds(4), True)
    two = make("span_corruption_causal", "decoder").collate(windows, seeds(4), True)
    assert torch.equal(one.tokens, two.tokens) and torch.equal(one.mask, two.mask)
    assert one.prefix is not None and two.prefix is None
