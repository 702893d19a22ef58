from __future__ import annotations

import math
import random

import pytest

from lmlab.stage.guard import Diverged, Guard


def guard(**changes) -> Guard:
    keys = {
        "spike": "skip",
        "spike_sigma": 6.0,
        "spike_window": 128,
        "rewind_steps": 100,
        "rewind_skip_batches": 200,
        "max_bad_steps": 3,
    }
    return Guard(**(keys | changes))


def test_nothing_is_a_spike_before_the_window_is_full():
    judge = guard(spike_window=4)
    assert [judge.decide(1.0, 1.0) for _ in range(3)] == ["step"] * 3
    assert judge.decide(100.0, 1.0) == "step"


def test_a_far_loss_or_norm_is_skipped_and_forgotten():
    judge = guard(spike_window=4)
    for value in (1.0, 1.1, 0.9, 1.0):
        judge.decide(value, value)
    assert judge.decide(50.0, 1.0) == "skip_spike"
    assert judge.decide(1.0, 50.0) == "skip_spike"
    assert judge.decide(1.0, 1.0) == "step" and judge.skipped_spikes == 2


def test_a_lasting_change_is_the_new_normal():
    judge = guard(spike_window=4, max_bad_steps=3)
    for value in (1.0, 1.1, 0.9, 1.0):
        judge.decide(value, 1.0)
    assert [judge.decide(9.0, 1.0) for _ in range(4)] == ["skip_spike"] * 2 + ["step"] * 2
    assert judge.skipped_spikes == 2 and list(judge.losses) == [9.0, 9.0]


@pytest.mark.parametrize(("choice", "decision"), [("rewind", "rewind"), ("none", "step")])
def test_what_happens_to_a_spike_is_a_choice(choice, decision):
    judge = guard(spike=choice, spike_window=2)
    for value in (1.0, 1.1):
        judge.decide(value, value)
    assert judge.decide(9.0, 1.0) == decision


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_finite_is_skipped_until_there_are_too_many_in_a_row(bad):
    judge = guard()
    assert judge.decide(bad, 1.0) == "skip_not_finite"
    assert judge.decide(1.0, 1.0) == "step"
    assert [judge.decide(1.0, bad) for _ in range(2)] == ["skip_not_finite"] * 2
    with pytest.raises(Diverged, match="3 steps in a row"):
        judge.decide(bad, bad)


def test_at_6_sigma_clean_training_loses_at_most_one_step_in_10_000():
    rng, judge = random.Random(0), guard()
    for step in range(10_000):
        judge.decide(3.0 - step * 1e-4 + rng.gauss(0, 0.1), abs(rng.gauss(1.0, 0.1)))
    assert judge.skipped_spikes <= 1


def test_ten_injected_spikes_of_ten_times_the_loss_are_all_skipped():
    rng, judge = random.Random(1), guard()
    at = set(rng.sample(range(200, 2000), 10))
    for step in range(2000):
        decision = judge.decide(
            (10 if step in at else 1) * (3 + rng.gauss(0, 0.1)), 1 + rng.gauss(0, 0.1)
        )
        assert (decision == "skip_spike") == (step in at)


def test_state_continues():
    first, second = guard(spike_window=4), guard(spike_window=4)
    for value in (1.0, 1.1, 0.9, 1.0, math.nan):
        first.decide(value, 1.0)
    second.load_state_dict(first.state_dict())
    assert second.decide(50.0, 1.0) == first.decide(50.0, 1.0) == "skip_spike"
    assert second.state_dict() == first.state_dict()
