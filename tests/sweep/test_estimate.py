from __future__ import annotations

import pytest

from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.sweep.estimate import estimate, safely


def config(*overrides: str):
    words = ["hardware.peak_flops=1e12", "hardware=cpu", "tokenizer=bytes", *overrides]
    return resolve.plain(Composer(find_places()).compose(words).cfg)


def test_a_hand_case():
    """gpt_1m: 992,000 parameters outside its embeddings; 20 tokens for each, in whole steps."""
    found = estimate(config("arch=gpt_1m", "budget.tokens_per_parameter=20"))
    inside, step = found["params_inside"], 8192
    assert 0 <= found["tokens"] - 20 * inside < step
    assert found["params"] == inside + (257 + 256) * 128
    assert 6 < found["flops"] / (found["tokens"] * inside) < 8  # 6 N D, and the attention
    assert found["minutes"] == pytest.approx(found["flops"] / (1e12 * 0.4) / 60)


def test_flops_are_a_budget():
    found = estimate(config("arch=gpt_tiny", "budget.flops=1e12"))
    assert found["flops"] == pytest.approx(1e12, rel=0.05) and found["flops"] >= 1e12 * 0.999


def test_minutes_and_epochs_are_not_known_in_tokens():
    assert estimate(config("budget.minutes=3"))["minutes"] == 3
    assert estimate(config("budget.epochs=3"))["tokens"] is None


def test_what_cannot_be_built_says_why():
    assert "num_heads" in safely(config("arch.num_heads=7"))["error"]


def test_processes_that_share_a_batch_add_no_tokens():
    words = ["hardware=mesh", "hardware.peak_flops=1e12", "hardware.accelerator=cpu"]
    found = estimate(config("batch.tokens=1024", "budget.steps=3", *words))
    assert found["tokens"] == 3 * 1024  # 8 sequences of 128 in 2 shares, not 8
    one = estimate(config("batch.tokens=1024", "budget.steps=3"))
    assert found["flops"] == one["flops"] and found["minutes"] == pytest.approx(one["minutes"] / 8)
    assert "is 8 processes" in safely(config(*words, "hardware.devices=4"))["error"]


@pytest.mark.parametrize("hardware", ["gpu", "fsdp", "deepspeed", "tpu"])
def test_a_machine_without_the_device_plans_for_it(hardware, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    words = [f"hardware={hardware}", "budget.steps=3", "batch.sequences=4"]
    found = estimate(config(*words, "hardware.peak_flops=null"))
    assert found["tokens"] and found["minutes"] is None
    assert found["missing"] == ("tpu" if hardware == "tpu" else "gpu")
    assert estimate(config(*words, "hardware.peak_flops=1e15"))["minutes"] > 0
