from __future__ import annotations

from typing import Any

import pytest

from lmlab.config import resolve
from lmlab.config.node import SUPPLIED, key_problems, schema, type_problems, walk_keys
from lmlab.config.place import GROUPS, Places
from tests.config.fake import compose


@pytest.fixture
def tree(places: Places) -> dict[str, Any]:
    return resolve.plain(compose(places).cfg)


def problems(tree: dict[str, Any]) -> list[tuple[str, str | None]]:
    found = key_problems(walk_keys(tree, list(GROUPS)))
    return [(p.path, p.hint) for p in found]


def test_a_right_tree_has_no_problems(tree: dict[str, Any]) -> None:
    assert problems(tree) == []
    assert type_problems(tree, list(GROUPS)) == []


def test_a_misspelt_key_and_the_missing_one_are_one_problem(tree: dict[str, Any]) -> None:
    tree["arch"]["wdith"] = tree["arch"].pop("width")
    assert problems(tree) == [("arch.wdith", "arch.width")]


def test_a_missing_key(tree: dict[str, Any]) -> None:
    del tree["data"]["source"]["path"]
    assert problems(tree) == [("data.source.path", None)]


def test_a_key_in_the_wrong_node_is_looked_for_everywhere(tree: dict[str, Any]) -> None:
    tree["optim"]["spike_sigma"] = 3.0
    assert problems(tree) == [("optim.spike_sigma", "guard.spike_sigma")]


def test_a_section_misspelt_keeps_its_rest(tree: dict[str, Any]) -> None:
    tree["gaurd"] = {"spike": "none"}
    assert problems(tree) == [("gaurd", "guard.spike")]


def test_what_lmlab_supplies_may_not_be_given(tree: dict[str, Any]) -> None:
    tree["data"]["seed"] = 3
    assert problems(tree) == [("data.seed", None)]


def test_supplied_names_are_of_known_groups() -> None:
    assert set(SUPPLIED) <= set(GROUPS)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("arch.width", "abc", "int"),
        ("arch.width", True, "int"),
        ("arch.position", "rotery", "one of learned, rotary"),
        ("arch.recipe.tokens", "many", "int"),
        ("data.source.patterns", "x", "list[str]"),
        ("optim.betas", [0.9, "x"], "list[float]"),
        ("seed", "zero", "int"),
        ("budget.tokens", "all", "int or float or null"),
        ("budget", 3, "mapping"),
        ("data", "stdlib", "options"),
    ],
)
def test_wrong_types(tree: dict[str, Any], path: str, value: Any, words: str) -> None:
    *parents, leaf = path.split(".")
    node = tree
    for key in parents:
        node = node[key]
    node[leaf] = value
    found = type_problems(tree, list(GROUPS))
    assert [p.path for p in found] == [path]
    assert words in found[0].text


def test_a_whole_number_written_as_float_is_suggested(tree: dict[str, Any]) -> None:
    tree["arch"]["width"] = 1e3
    assert type_problems(tree, list(GROUPS))[0].hint == "arch.width=1000"


def test_schema_reads_dataclasses() -> None:
    assert "spike_sigma" in schema("Guard").keywords


def test_a_model_inside_a_sum_of_rewards_is_completed_by_lmlab(tree: dict[str, Any]) -> None:
    model = {"_target_": "lmlab.rollout.model_reward.ModelReward", "_partial_": True, "run": "x"}
    parts = {"mine": {"reward": model, "weight": 1.0}}
    sum_ = {"_target_": "lmlab.rollout.reward.WeightedSum", "rewards": parts}
    assert problems(tree | {"reward": sum_}) == []
    assert problems(tree | {"reward": model}) == []
    changed = tree | {"reward": sum_ | {"rewards": {"mine": {"reward": model | {"runs": "x"}}}}}
    assert [path for path, _ in problems(changed)] == ["reward.rewards.mine.reward.runs"]
