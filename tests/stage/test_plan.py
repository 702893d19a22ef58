from __future__ import annotations

import pytest

from lmlab.stage.plan import Plan, make_plan, step_sequences

NOTHING: dict[str, float | None] = {
    "tokens": None,
    "flops": None,
    "minutes": None,
    "steps": None,
    "epochs": None,
}


def plan(**changes) -> Plan:
    budget = NOTHING | {k: changes.pop(k) for k in list(changes) if k in NOTHING}
    keys = {
        "recipe_tokens": 64_000,
        "micro_sequences": 4,
        "seq_len": 64,
        "world_size": 1,
        "flops_per_token": 100.0,
    }
    keys |= changes
    sequences = step_sequences(
        batch_tokens=keys.pop("batch_tokens", 640),
        batch_sequences=keys.pop("batch_sequences", None),
        seq_len=keys["seq_len"],
        world_size=keys["world_size"],
    )
    return make_plan(budget=budget, sequences=sequences, **keys)


def test_the_recipe_is_the_budget_when_none_is_given():
    assert plan().num_steps == 100
    assert plan().step_tokens == 640


@pytest.mark.parametrize(
    ("budget", "steps"),
    [({"tokens": 6400}, 10), ({"tokens": 6401}, 11), ({"flops": 640_000.0}, 10), ({"steps": 7}, 7)],
)
def test_every_budget_comes_to_steps(budget, steps):
    assert plan(**budget).num_steps == steps


def test_tokens_per_parameter_are_of_the_parameters_outside_the_embeddings():
    assert plan(num_params=320).num_steps == 100  # the recipe's, where it is not set
    budget = NOTHING | {"tokens_per_parameter": 20}
    keys = {"recipe_tokens": 1, "sequences": 10, "micro_sequences": 4, "seq_len": 64}
    keys |= {"world_size": 1, "flops_per_token": 1.0}
    assert make_plan(budget=budget, num_params=320, **keys).num_steps == 10  # 6400 / 640
    with pytest.raises(ValueError, match="no parameters outside"):
        make_plan(budget=budget, num_params=0, **keys)


def test_the_first_budget_that_is_reached_ends_the_run():
    assert plan(tokens=6400, steps=3).num_steps == 3


def test_minutes_alone_have_no_steps_and_move_by_the_clock():
    timed = plan(minutes=2)
    assert timed.num_steps is None
    assert timed.progress(10, 60.0) == 0.5
    assert timed.progress(10, 600.0) == 1.0


def test_progress_is_the_larger_of_steps_and_minutes():
    assert plan(steps=10, minutes=1).progress(2, 30.0) == 0.5


def test_the_batch_is_rounded_to_whole_sequences_of_every_process():
    assert plan(batch_tokens=640, world_size=4).step_sequences == 12
    assert plan(batch_tokens=640, world_size=4).micro_sequences == 3


def test_a_batch_smaller_than_a_sequence_is_refused():
    with pytest.raises(ValueError, match="batch.tokens=10 is less than one sequence of 64"):
        plan(batch_tokens=10)


def test_no_budget_at_all_is_refused():
    with pytest.raises(ValueError, match="no budget"):
        plan(recipe_tokens=None)


def test_a_batch_in_sequences_goes_before_one_in_tokens():
    assert plan(batch_sequences=3).step_sequences == 3


def test_epochs_need_data_that_has_them():
    assert plan(epochs=2, num_examples=25).num_steps == 5
    with pytest.raises(ValueError, match="budget.epochs=2: this data has no epochs"):
        plan(epochs=2)
