"""Rows S0-03 to S0-09 through whole objectives: the slide's sentence in, with the noise fixed, its lines out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lmlab.batch import Example, Seq2SeqBatch
from tests.objective.slide import TEXT, VOCAB, hidden, ids, make, seeds, words

NUM_WORDS = len(TEXT.split())
EOS, SEP = "<eos>", "<sep>"
THREE = hidden("for", "inviting", "last")
SPANS = hidden("for", "inviting", "me", "your", "party", "last")
DESHUFFLED = "party me for your to . last you inviting week Thank"
Fixed = dict[str, Callable[..., np.ndarray]]


def apple(seeds: np.ndarray, num: int, high: int, salt: int) -> np.ndarray:
    """Places among the text's tokens: `apple` is the last of them."""
    return np.full((1, num), high - 1)


def only_last(seeds: np.ndarray, num: int, salt: int) -> np.ndarray:
    """Only at `last` is the draw below the fraction of random tokens."""
    return np.where(hidden("last"), 0.0, 1.0)


def order_of_the_slide(seeds: np.ndarray, real: np.ndarray) -> np.ndarray:
    return np.array([[TEXT.split().index(word) for word in DESHUFFLED.split()]])


# option: what stands in place of the noise, the noise's settings, what is read, what is written
LINES: dict[str, tuple[Fixed, dict[str, float], str, str]] = {
    "prefix_lm": (
        {"split_points": lambda *_: np.array([4])},
        {"prefix_fraction": 4 / 11},
        "Thank you for inviting",
        "me to your party last week .",
    ),
    "bert_style": (
        {"iid_mask": lambda *_: THREE, "uniform": only_last, "integers": apple},
        {"rate": 3 / 11},
        "Thank you <M> <M> me to your party apple week .",
        TEXT,
    ),
    "deshuffle": ({"permutation": order_of_the_slide}, {}, DESHUFFLED, TEXT),
    "mass": (
        {"iid_mask": lambda *_: THREE},
        {"rate": 3 / 11},
        "Thank you <M> <M> me to your party <M> week .",
        TEXT,
    ),
    "replace_spans": (
        {"iid_mask": lambda *_: THREE},
        {"rate": 3 / 11},
        "Thank you <X> me to your party <Y> week .",
        "<X> for inviting <Y> last <Z>",
    ),
    "drop_tokens": (
        {"iid_mask": lambda *_: THREE},
        {"rate": 3 / 11},
        "Thank you me to your party week .",
        "for inviting last",
    ),
    "random_spans": (
        {"span_mask": lambda *_: SPANS},
        {"rate": 6 / 11, "mean_span": 2.0},
        "Thank you <X> to <Y> week .",
        "<X> for inviting me <Y> your party last <Z>",
    ),
}


@pytest.fixture(params=list(LINES))
def line(request, monkeypatch) -> tuple[str, dict[str, float], str, str]:
    fixed, settings, reads, writes = LINES[request.param]
    for name, function in fixed.items():
        monkeypatch.setattr(f"lmlab.objective.{request.param}.{name}", function)
    return request.param, settings, reads, writes


def test_an_encoder_decoder_reads_and_writes_the_lines_of_the_slide(line):
    option, settings, reads, writes = line
    batch = collated(option, "encoder_decoder", settings)
    assert isinstance(batch, Seq2SeqBatch)
    assert words(batch.source[0][batch.source_mask[0]]) == f"{reads} {EOS}"
    assert words(batch.targets[0][batch.mask[0]]) == f"{writes} {EOS}"


def test_a_decoder_has_both_lines_in_a_row(line):
    option, settings, reads, writes = line
    batch = collated(option, "decoder", settings)
    row = words([*batch.tokens[0].tolist(), int(batch.targets[0, -1])])
    if option == "prefix_lm":  # the text itself, nothing in between
        assert row == TEXT and words(batch.targets[0][batch.mask[0]]) == writes
        return
    assert row.split("<pad>")[0].strip() == f"{reads} {SEP} {writes} {EOS}"
    assert words(batch.targets[0][batch.mask[0]]) == f"{writes} {EOS}"
    assert words(batch.tokens[0][batch.prefix[0]]) == reads


def collated(option, kind, settings):
    objective = make(option, kind, vocab=VOCAB, **settings)
    return objective.collate([Example(ids(TEXT)[0], NUM_WORDS)], seeds(1), True)
