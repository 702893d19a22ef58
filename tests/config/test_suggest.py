from __future__ import annotations

import pytest

from lmlab.config.suggest import check_keys, distance, nearest, nearest_path


@pytest.mark.parametrize(
    ("left", "right", "steps"),
    [
        ("width", "widht", 1),
        ("width", "wdth", 1),
        ("width", "widdth", 1),
        ("abc", "xyz", 3),
        ("", "a", 1),
    ],
)
def test_distance_counts_edits(left: str, right: str, steps: int) -> None:
    assert distance(left, right) == distance(right, left) == steps


def test_nearest_is_none_when_all_are_far() -> None:
    assert nearest("banana", ["width", "seed"]) is None


def test_own_node_comes_before_the_tree() -> None:
    keys, paths = ["width", "depth"], ["arch.width", "arch.depth", "other.widths"]
    assert nearest_path("arch.widths", keys, paths) == "arch.width"


def test_tree_is_searched_by_leaf_when_the_node_has_nothing_near() -> None:
    assert nearest_path("width", ["seed", "debug"], ["seed", "debug", "arch.width"]) == "arch.width"


def test_a_key_that_a_node_has_not_is_refused_with_those_it_has():
    check_keys("experiment.figure", ["x"], ("x", "y"))
    with pytest.raises(
        ValueError, match=r"experiment.figure.kidn: it has kind, x; did you mean kind"
    ):
        check_keys("experiment.figure", ["x", "kidn"], ("kind", "x"))
