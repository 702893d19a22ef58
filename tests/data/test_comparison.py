"""Comparisons and why some teach nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lmlab.data.comparison import Comparison, fault, pair
from lmlab.data.conversation import Turn

ASKED = (Turn("user", "Which?"),)


def test_a_pair():
    made = pair(ASKED, "good", "bad")
    assert made.responses == ("good", "bad") and made.ranks == (0, 1)
    assert made.text == "Which?\ngood" and fault(made) is None


@pytest.mark.parametrize(
    ("responses", "ranks", "why"),
    [
        (("a",), (0,), "fewer than two responses"),
        (("a", " "), (0, 1), "empty completion"),
        (("a", "a"), (0, 1), "equal chosen and rejected"),
        (("a", "b", "a"), (0, 1, 2), "equal responses"),
        (("a", "b"), (0, 0), "all responses have the same rank"),
    ],
)
def test_faults(responses, ranks, why):
    assert fault(Comparison(ASKED, responses, ranks)) == why


def test_an_empty_prompt():
    assert fault(replace(pair(ASKED, "a", "b"), prompt=(Turn("user", " "),))) == "empty prompt"
