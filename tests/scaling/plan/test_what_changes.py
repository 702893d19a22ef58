from __future__ import annotations

import pytest

from lmlab.scaling.plan.accelerator import accelerator
from lmlab.scaling.plan.shape import Shape
from lmlab.scaling.plan.subject import Recipe
from lmlab.scaling.plan.what_changes import checkpoint_minutes, from_table, what_changes

SMALL = Shape(12, 768, 12, 3072, 50257, 2048)
GPT3 = Shape(96, 12288, 96, 4 * 12288, 50257, 2048)


def test_the_table_is_hit_at_its_rows_and_held_beyond():
    assert from_table(6.7e9, 1) == pytest.approx(1.2e-4) and from_table(175e9, 2) == pytest.approx(
        3.2e6
    )
    assert from_table(1e6, 1) == pytest.approx(6e-4) and from_table(1e12, 1) == pytest.approx(
        0.6e-4
    )
    assert 1e-4 < from_table(9e9, 1) < 1.2e-4


def test_checkpoints_come_more_often_on_more_devices():
    assert checkpoint_minutes(1.0, 4096) == pytest.approx(0.5 * checkpoint_minutes(1.0, 1024))


def test_everything_but_the_size_that_changes():
    changes = {
        c.setting: c for c in what_changes(SMALL, GPT3, accelerator("A100"), large_devices=1024)
    }
    assert list(changes) == [
        "peak learning rate",
        "batch",
        "precision",
        "sharding",
        "checkpoint every",
        "expected between failures",
        "loss spikes",
    ]
    assert changes["peak learning rate"].large == "6e-05 (GPT-3's table)"
    assert changes["loss spikes"].large.startswith("rewind")


def test_recipes_of_the_architectures_come_before_the_table():
    tiny, larger = Shape(2, 36, 2, 144, 263, 256), Shape(7, 192, 6, 768, 263, 256)
    device, recipes = accelerator("A100"), (Recipe(8e-3, 4096), Recipe(2e-3, 16384))
    own = what_changes(tiny, larger, device, small_recipe=recipes[0], large_recipe=recipes[1])
    rate, batch = own[:2]
    assert (rate.small, rate.large) == ("0.008 (its recipe)", "0.002 (its recipe)")
    assert (batch.small, batch.large) == ("4,096 tokens (its recipe)", "16,384 tokens (its recipe)")
    one = what_changes(tiny, GPT3, device, small_recipe=recipes[0])[0]
    assert (one.small, one.large) == ("0.008 (its recipe)", "6e-05 (GPT-3's table)")


def test_a_size_beyond_the_table_says_so():
    rate = what_changes(Shape(2, 36, 2, 144, 263, 256), SMALL, accelerator("A100"))[0]
    assert rate.small == "0.0006 (GPT-3's table, its smallest size)"
