from __future__ import annotations

import pytest

from lmlab.scaling.interval import Interval
from lmlab.scaling.verdict import judge_exponent


@pytest.mark.parametrize(
    ("low", "high", "rule"),
    [
        (0.45, 0.52, "Chinchilla"),
        (0.70, 0.76, "Kaplan"),
        (0.30, 0.35, "neither"),
        (0.58, 0.65, "neither"),
        (0.55, 0.68, "undecided"),
        (0.40, 0.70, "undecided"),
        (0.20, 0.45, "undecided"),
        (0.557, 0.611, "undecided"),
        (0.54, 0.57, "Chinchilla"),
    ],
)
def test_rules(low, high, rule):
    verdict = judge_exponent(Interval((low + high) / 2, low, high))
    assert verdict.rule == rule and f"{low:.3f} to {high:.3f}" in verdict.reason


def test_all_published_estimates_of_chinchilla_agree_with_it():
    for value in (0.50, 0.49, 0.46, 0.4516):
        assert judge_exponent(Interval(value, value, value)).rule == "Chinchilla"
