from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from lmlab.config.error import ConfigError
from lmlab.sweep.search_space import (
    Choice,
    Range,
    corners,
    point_of,
    row_of,
    split,
    written_range,
)


def parsed(*texts: str):
    return OverridesParser.create().parse_overrides(list(texts))


def test_intervals_are_ranges_and_the_rest_is_left():
    space, rest = split(
        parsed("a.b=tag(log,interval(1e-4,1e-2))", "c=int(interval(8,64))", "d=1,2", "e=3")
    )
    assert space == {"a.b": Range(1e-4, 1e-2, log=True), "c": Range(8, 64, whole=True)}
    assert [override.key_or_group for override in rest] == ["d", "e"]


def test_a_range_as_an_experiment_writes_it():
    assert written_range("k", {"low": 1e-4, "high": 1, "log": True}) == Range(1e-4, 1.0, True)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"low": 1, "hihg": 2}, "k.hihg: .*did you mean high"),
        ({"low": 1}, "needs the numbers low and high"),
        ({"low": 2, "high": 1}, "must begin below its end"),
        ({"low": 0, "high": 1, "log": True}, "above 0"),
    ],
)
def test_a_range_that_is_none(asked, words):
    with pytest.raises(ConfigError, match=words):
        written_range("k", asked)


def test_numbers_are_short_and_stay_inside():
    assert Range(1e-4, 1.0).text(0.0031415926) == "0.003142"
    assert Range(0.1234321, 1.0).text(0.1234321) == "0.1234321"
    assert Range(8, 64, whole=True).text(63.7) == "64"


def test_points_to_overrides_and_back():
    space = {"w": Choice(("8", "16")), "r": Range(0.1, 1.0)}
    point = {"w": "8", "r": "0.5"}
    assert point_of(space, ["x=1", *row_of(point).values()]) == point


def test_every_end_and_every_choice_comes_once():
    space = {"w": Choice(("8", "16", "32")), "r": Range(0.1, 1.0)}
    assert corners(space) == [
        {"w": "8", "r": "0.1"},
        {"w": "16", "r": "0.1"},
        {"w": "32", "r": "0.1"},
        {"w": "8", "r": "1"},
    ]
