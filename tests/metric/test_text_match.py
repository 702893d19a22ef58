"""Scores of answers: cases by hand, and torchmetrics' numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlab.metric.text_match import (
    METRICS,
    exact_match,
    longest_common,
    rouge_l,
    token_f1,
)

CASES = [
    ("the cat sat on the mat", "the cat lay on a mat"),
    ("a b c d", "d c b a"),
    ("It isn't 3.5 percent!", "it is 35 percent"),
    ("one two", "three four five"),
    ("Norwegian fjords, mostly.", "Norwegian fjords"),
    ("same words here", "same words here"),
]


def test_exact_match_by_hand():
    assert exact_match("The Cat.", ["cat"]) == 1.0 and exact_match("cats", ["cat"]) == 0.0
    assert exact_match("no", ["yes", "No!"]) == 1.0
    assert exact_match("a", ["b"]) == 0.0 and exact_match("A", ["a"]) == 1.0


def test_token_f1_by_hand():
    assert token_f1("red apple", ["a red apple pie"]) == pytest.approx(2 * 2 / (2 + 3))
    assert token_f1("pear", ["apple"]) == 0.0 and token_f1("", ["apple"]) == 0.0
    assert token_f1("two two", ["two"]) == pytest.approx(2 / 3)


def test_rouge_l_by_hand():
    assert longest_common("abcbdab", "bdcaba") == 4
    assert rouge_l("police killed the gunman", ["police kill the gunman"]) == 0.75
    assert rouge_l("", ["a"]) == 0.0 and rouge_l("x", ["y", "x"]) == 1.0


@pytest.mark.parametrize(("answer", "reference"), CASES)
def test_rouge_l_is_torchmetrics(answer, reference):
    rouge = pytest.importorskip("torchmetrics.functional.text.rouge")
    expected = rouge.rouge_score(answer, reference, rouge_keys="rougeL")["rougeL_fmeasure"]
    assert rouge_l(answer, [reference]) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize(("answer", "reference"), CASES)
def test_exact_match_and_f1_are_torchmetrics_squad(answer, reference):
    squad = pytest.importorskip("torchmetrics.functional.text.squad")
    expected = squad.squad(
        [{"prediction_text": answer, "id": "1"}],
        [{"answers": {"answer_start": [0], "text": [reference]}, "id": "1"}],
    )
    assert exact_match(answer, [reference]) == float(expected["exact_match"]) / 100
    assert token_f1(answer, [reference]) == pytest.approx(float(expected["f1"]) / 100, abs=1e-6)


@given(st.text(max_size=40), st.lists(st.text(max_size=40), min_size=1, max_size=3))
def test_all_are_fractions_and_one_for_the_reference_itself(answer, references):
    for name, metric in METRICS.items():
        assert 0.0 <= metric(answer, references) <= 1.0
        if name != "rouge_l":
            assert metric(references[0], references) == 1.0
