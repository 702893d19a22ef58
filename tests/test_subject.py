"""A configuration as the subject of a plan."""

from __future__ import annotations

from typing import Any

import pytest

from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import find_places
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.subject import Recipe
from lmlab.subject import arch_of, other_arch, subject_of


def composed(*overrides: str) -> tuple[dict[str, Any], dict[str, Any]]:
    made = Composer(find_places()).compose(["stage=plan", *overrides])
    return resolve.plain(made.cfg), made.choices


def test_gpt_3_as_its_recipe_says():
    found = subject_of(*composed("arch=gpt_175b"))
    assert sum(found.params.values()) == 174_604_259_328  # the table's 175 billion
    assert found.tokens == pytest.approx(300e9, rel=1e-4) and found.batch_tokens == 3.2e6
    assert found.lengths == (0, 2048, 2048) and found.hardware.num_devices == 1


def test_the_budget_is_that_of_training():
    found = subject_of(*composed("arch=gpt_tiny", "budget.steps=10", "batch.tokens=512"))
    assert found.tokens == 5120
    by_flops = subject_of(*composed("arch=gpt_tiny", "budget.flops=1e12", "tokenizer=bytes"))
    assert 1e5 < by_flops.tokens < 1e6
    with pytest.raises(ValueError, match=r"budget.minutes=5.*budget.tokens"):
        subject_of(*composed("budget.minutes=5"))
    with pytest.raises(ValueError, match="no epochs"):
        subject_of(*composed("budget.epochs=1"))


def test_an_objective_that_does_not_fit_is_replaced_by_the_usual_one():
    bert = subject_of(*composed("arch=bert_tiny"))
    assert bert.objective == "mlm" and 0.1 < bert.lengths[2] / bert.seq_len < 0.2
    t5 = subject_of(*composed("arch=t5_tiny"))
    assert t5.objective == "span_corruption" and 0 < t5.lengths[1] < t5.lengths[0]


def test_another_size_brings_its_own_recipe():
    config, choices = composed("arch=gpt_small", "budget.steps=3")
    large = other_arch(config, choices, "gpt_175b")
    assert large.name == "gpt_175b" and large.tokens == pytest.approx(300e9, rel=1e-4)
    small, larger = subject_of(*composed("arch=gpt_30k")), other_arch(config, choices, "gpt_3m")
    assert (small.recipe, larger.recipe) == (Recipe(8e-3, 4096), Recipe(2e-3, 16384))
    with pytest.raises(ConfigError, match="gpt_176b"):
        other_arch(config, choices, "gpt_176b")


def test_devices_and_the_micro_batch_are_those_of_the_run():
    found = subject_of(*composed("hardware=ddp", "hardware.devices=8", "hardware.nodes=4"))
    assert found.hardware.num_devices == 32 and found.hardware.layout == Layout(data=32)
    assert found.micro_sequences == 16
    assert subject_of(*composed("batch.micro_sequences=3")).micro_sequences == 3


def test_the_vocabulary_has_what_the_objective_wishes_for():
    config, choices = composed("arch=bert_tiny", "tokenizer=bytes")
    assert arch_of(config).vocab_size == subject_of(config, choices).shape.vocab_size == 263


def test_a_step_is_as_many_sequences_as_asked_for_and_as_long():
    words = ["arch=gpt_tiny", "budget.steps=10", "batch.sequences=4", "data.seq_len=32"]
    found = subject_of(*composed(*words))
    assert (found.seq_len, found.batch_tokens, found.tokens) == (32, 128, 1280)
    assert found.lengths == (0, 32, 32)
    with pytest.raises(ValueError, match=r"data.seq_len=4096 is longer than arch.max_seq_len"):
        subject_of(*composed("arch=gpt_tiny", "data.seq_len=4096"))


def test_another_size_has_sequences_of_its_own_length():
    config, choices = composed("arch=gpt_small")
    assert other_arch(config, choices, "gpt_175b").seq_len == 2048
    config, choices = composed("arch=gpt_small", "data.seq_len=128")
    assert other_arch(config, choices, "gpt_175b").seq_len == 128
