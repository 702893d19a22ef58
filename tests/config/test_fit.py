from __future__ import annotations

import pytest

from lmlab.config import resolve
from lmlab.config.fit import fit_problems, select
from lmlab.config.place import Places, find_places
from tests.config.fake import compose


def found(places: Places, *overrides: str) -> list[tuple[str, str, str | None]]:
    tree = resolve.plain(compose(places, *overrides).cfg)
    return [(p.path, p.text, p.hint) for p in fit_problems(tree, places)]


def test_objective_and_architecture_must_fit(places: Places) -> None:
    ((path, text, hint),) = found(places, "objective=mlm")
    assert path == "objective"
    assert "encoder" in text and "decoder" in text
    assert hint == "arch=bert or objective=clm"
    assert found(places, "objective=mlm", "arch=bert") == []


def test_settings_that_need_a_neighbour(places: Places) -> None:
    ((path, text, hint),) = found(places, "arch.rope_base=500.0")
    assert path == "arch.rope_base" and hint == "arch.rope_base=null"
    assert "arch.position=rotary" in text
    assert found(places, "arch.rope_base=500.0", "arch.position=rotary") == []


@pytest.mark.parametrize(
    ("override", "cure"),
    [
        ("guard.rewind_steps=7", "guard.spike=rewind"),
        ("guard.rewind_skip_batches=7", "guard.spike=rewind"),
    ],
)
def test_settings_that_are_switched_off(places: Places, override: str, cure: str) -> None:
    ((path, text, _),) = found(places, override)
    assert path == override.partition("=")[0]
    assert "no effect" in text and cure in text
    assert found(places, override, cure) == []


@pytest.mark.parametrize(
    "override",
    [
        "budget.steps=0",
        "budget.flops=-1e9",
        "budget.minutes=inf",
        "budget.tokens=10.5",
        "batch.tokens=-4",
        "checkpoint.keep=0",
        "seed=-1",
    ],
)
def test_numbers_out_of_range(places: Places, override: str) -> None:
    assert [p[0] for p in found(places, override)] == [override.partition("=")[0]]


def test_whole_numbers_may_be_written_with_an_exponent(places: Places) -> None:
    assert found(places, "budget.tokens=1e7") == []


def test_select_is_none_where_there_is_nothing() -> None:
    assert select({"a": {"b": 1}}, "a.b") == 1
    assert select({"a": {"b": 1}}, "a.c.d") is None


REWARD = {"reward": {"_target_": "lmlab.rollout.text_reward.Length"}}
GRPO = {"stage": {"_target_": "lmlab.stage.grpo.GRPO"}}


def about_reward(places: Places, changes: dict) -> list[str]:
    tree = resolve.plain(compose(places).cfg) | changes
    return [problem.text for problem in fit_problems(tree, places) if problem.path == "reward"]


def test_a_reward_is_chosen_where_the_stage_takes_one_and_nowhere_else(places: Places) -> None:
    assert about_reward(places, {}) == about_reward(places, REWARD | GRPO) == []
    assert about_reward(places, REWARD) == ["has no effect: stage Pretrain takes none"]
    assert about_reward(places, GRPO) == ["choose one of: length"]


def test_a_value_without_effect_on_that_kind_of_architecture() -> None:
    def of(*overrides: str) -> list[tuple[str, str, str | None]]:
        return found(find_places(), "objective=span_corruption", *overrides)

    causal = "objective.prefix_attention=false"
    assert of(causal) == of("arch=t5_tiny") == []
    ((path, text, _),) = of("arch=t5_tiny", causal)
    assert path == "objective.prefix_attention"
    assert text == "has no effect on an architecture that is encoder_decoder"
    pairs = ["stage=classify", "data.source.text_pair=other", "data.both_orders=true"]
    assert not found(find_places(), *pairs)
    ((path, *_),) = found(find_places(), "arch=t5_tiny", *pairs)
    assert path == "data.both_orders"
