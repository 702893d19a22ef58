"""Random choices: fixed numbers for ever, and fair ones."""

from __future__ import annotations

from collections import Counter

from lmlab.data.task.draw import Draw, number_of


def test_the_numbers_never_change():
    draw = Draw(0)
    assert [draw.bits() for _ in range(2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]
    assert number_of("task", 1, 2) == 0x2ECE0238E310310F
    assert number_of("ab", "c") != number_of("a", "bc")


def test_choices_are_fair_and_within_bounds():
    draw = Draw(1)
    counts = Counter(draw.whole(1, 6) for _ in range(6000))
    assert set(counts) == {1, 2, 3, 4, 5, 6} and min(counts.values()) > 850
    assert all(0 <= draw.unit() < 1 for _ in range(100))
    assert 2300 < sum(draw.chance(0.25) for _ in range(10_000)) < 2700


def test_some_are_different_and_shuffled_are_all():
    draw = Draw(2)
    assert len(set(draw.some("abcdef", 4))) == 4
    assert sorted(draw.shuffled("abcdef")) == list("abcdef")
    assert draw.one(["x"]) == "x"
