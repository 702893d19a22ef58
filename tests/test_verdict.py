from __future__ import annotations

import pytest

from lmlab.verdict import parse, verdict

METRICS = {"val/loss_nats": 2.0, "val/accuracy": 0.9, "progress/steps": 100.0}


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        ("val/loss_nats < 3", True),
        ("val/loss_nats < 3 and val/accuracy >= 0.95", False),
        ("not val/loss_nats > 3 or val/accuracy == 1", True),
        ("1 < val/loss_nats <= 2", True),
        ("val/accuracy - 2 * val/loss_nats < -3", True),
        ("val/loss_nats / val/accuracy > 2.2", True),
    ],
)
def test_expectations_of_hand_cases(expect, holds):
    result, used = verdict(expect, METRICS, finished=True, blocked_by=None)
    assert result == ("holds" if holds else "contradicted")
    assert set(used) <= set(METRICS) and used


def test_a_failure_that_names_what_is_missing_is_not_yet():
    assert verdict("val/accuracy > 1", METRICS, finished=True, blocked_by="scale")[0] == "not_yet"


def test_without_the_metric_or_the_end_it_is_unfinished():
    assert verdict("val/other > 1", METRICS, finished=True, blocked_by=None)[0] == "unfinished"
    assert verdict("val/accuracy > 0", METRICS, finished=False, blocked_by=None)[0] == "unfinished"


@pytest.mark.parametrize(
    "expect",
    ["__import__('os').system('x')", "a.b > 1", "val/x[0] > 1", "(lambda: 1)()", "loss > 1", "val/x >", "'a' == 'a'",
     "True", "val/x ** 2 > 1", "[val/x]", "val/x in (1, 2)"],
)  # fmt: skip
def test_anything_else_is_refused_and_never_run(expect):
    with pytest.raises(ValueError, match="experiment.expect="):
        parse(expect)
