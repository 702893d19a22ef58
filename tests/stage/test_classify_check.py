from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from lmlab.stage.classify_check import check_labels, check_settings

CLASSES = SimpleNamespace(is_numeric=False, label_smoothing=0.0)
NUMBERS = SimpleNamespace(is_numeric=True)


def data(**changes: Any) -> SimpleNamespace:
    keys = {"is_choice": False, "is_numeric": False, "labels": ["a", "b"], "unknown": Counter()}
    return SimpleNamespace(**(keys | {"train_examples": range(9)} | changes))


def test_what_is_right_passes():
    check_settings("decoder", 0.1, 0.5, 8, (None, ["query"]))
    check_settings("encoder_decoder", None, 0.0, None, (None, None))
    check_labels(data(), CLASSES, "encoder_decoder")
    check_labels(data(is_choice=True, labels=[]), CLASSES, "encoder")
    check_labels(data(is_numeric=True, labels=["1"], unknown=Counter("2")), NUMBERS, "decoder")


@pytest.mark.parametrize(
    ("about", "objective", "kind", "words"),
    [
        (data(is_choice=True), CLASSES, "encoder_decoder", "data.source.choices has no meaning"),
        (data(), NUMBERS, "decoder", "needs labels that are numbers; these are a, b"),
        (data(is_choice=True, labels=[]), NUMBERS, "decoder", "these are choices"),
        (data(unknown=Counter("ccd")), CLASSES, "decoder", "3 validation examples .* has: c, d"),
        (data(labels=["a"]), CLASSES, "decoder", "there is only one class"),
        (data(labels=list("abcde")), CLASSES, "decoder", "gives 5 classes to 9 examples"),
        (
            data(labels=list("12345"), is_numeric=True),
            CLASSES,
            "decoder",
            "take objective=regression",
        ),
    ],
)
def test_labels_that_mean_nothing_raise(about, objective, kind, words):
    with pytest.raises(ValueError, match=words):
        check_labels(about, objective, kind)
