from __future__ import annotations

import re

import numpy as np
import pytest

from lmlab.objective.denoise import name_spans, spell_spans
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
    shown,
)
from tests.objective.spans import restore_spans

SENTINELS = np.array(VOCAB.sentinels)


def test_the_sentence_of_the_slide():
    """Row S0-07."""
    noise = hidden("for", "inviting", "last")
    source = name_spans(ids(TEXT), noise, REAL, SENTINELS)
    assert shown(source) == "Thank you <X> me to your party <Y> week ."
    assert shown(spell_spans(ids(TEXT), noise, SENTINELS)) == "<X> for inviting <Y> last <Z>"


@pytest.mark.parametrize("num_real", [100, 37, 2, 1])
def test_the_original_is_restored_and_the_count_is_exact(num_real):
    windows = examples(30, 100, num_real)
    for window, (source, target) in zip(
        windows, pairs(make("replace_spans"), windows), strict=True
    ):
        assert restore_spans(source, target, BIG.sentinels) == window.tokens[:num_real].tolist()
        found = [token for token in target if token not in BIG.sentinels]
        assert len(found) == max(1, round(0.15 * num_real))


def test_the_number_of_spans_is_that_of_independent_noise():
    """Hidden tokens that follow a visible one: k (n - k + 1) / n of k hidden among n."""
    rows = pairs(make("replace_spans"), examples(500, 100))
    spans = [sum(token in BIG.sentinels for token in source) for source, _ in rows]
    assert np.mean(spans) == pytest.approx(15 * 86 / 100, abs=0.2)


@pytest.mark.parametrize("kind", ["encoder_decoder", "decoder"])
def test_a_window_that_can_need_too_many_sentinels_is_refused_before_the_first_batch(kind):
    message = r"data.seq_len=1024 .*name 99; set data.seq_len=(\d+) .*objective=random_spans"
    with pytest.raises(ValueError, match=message) as error:
        make("replace_spans", kind).window(1024)
    advice = int(re.search(message, str(error.value)).group(1))
    assert make("replace_spans", kind).window(advice).length > 600
