"""Rates of a mixture: T5's cap and temperature, Flan 2022's sub-mixtures."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlab.data.rates import chosen, rates


def test_proportional_with_a_cap():
    assert rates({"a": 10, "b": 30}) == {"a": 0.25, "b": 0.75}
    assert rates({"a": 10, "b": 1000}, cap=30) == {"a": 0.25, "b": 0.75}


def test_temperature_two_takes_the_square_root():
    assert rates({"a": 1, "b": 9}, temperature=2) == pytest.approx({"a": 0.25, "b": 0.75})
    even = rates({"a": 1, "b": 1000}, temperature=1e6)
    assert even == pytest.approx({"a": 0.5, "b": 0.5}, abs=1e-4)


def test_flan_2022_by_its_tasks():
    found = rates({"muffin": 80, "t0_sf": 193, "cot": 9, "natural_instructions": 1554})
    assert {name: round(share * 1836) for name, share in found.items()} == {
        "muffin": 80,
        "t0_sf": 193,
        "cot": 9,
        "natural_instructions": 1554,
    }


@given(st.dictionaries(st.text(max_size=3), st.floats(1e-3, 1e9), min_size=1), st.floats(0.2, 9))
def test_rates_sum_to_one_and_keep_the_order(sizes, temperature):
    found = rates(sizes, temperature=temperature)
    assert sum(found.values()) == pytest.approx(1)
    by_size = sorted(sizes, key=sizes.__getitem__)
    assert all(found[a] <= found[b] + 1e-12 for a, b in pairwise(by_size))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"sizes": {}}, "at least one"),
        ({"sizes": {"a": 0}}, "size of a is 0"),
        ({"sizes": {"a": 1}, "cap": 0}, "cap=0"),
        ({"sizes": {"a": 1}, "temperature": 0}, "temperature=0"),
    ],
)
def test_refused(keys, words):
    with pytest.raises(ValueError, match=words):
        rates(keys.pop("sizes"), **keys)


def test_chosen_by_a_number():
    shares = {"a": 0.25, "b": 0.75}
    assert [chosen(shares, unit) for unit in (0.0, 0.2499, 0.25, 0.9999)] == ["a", "a", "b", "b"]
    assert chosen({"a": 0.1, "b": 0.1}, 0.99) == "b"
