from __future__ import annotations

import pytest

from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.scaling.plan.memory import Layout, on_cpu, total_memory
from lmlab.shape_of import shape_of
from lmlab.subject import arch_of
from lmlab.sweep.estimate import estimate, safely
from lmlab.sweep.speed import START_SECONDS


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
    assert found["minutes"] == pytest.approx((found["flops"] / (1e12 * 0.42) + 8) / 60)


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
    start = START_SECONDS / 60
    assert found["flops"] == one["flops"]
    assert found["minutes"] - start == pytest.approx((one["minutes"] - start) / 8)
    assert "is 8 processes" in safely(config(*words, "hardware.devices=4"))["error"]


@pytest.mark.parametrize("hardware", ["gpu", "fsdp", "deepspeed", "tpu"])
def test_a_machine_without_the_device_plans_for_it(hardware, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    words = [f"hardware={hardware}", "budget.steps=3", "batch.sequences=4"]
    found = estimate(config(*words, "hardware.peak_flops=null"))
    assert found["tokens"] and found["minutes"] is None
    assert found["missing"] == ("tpu" if hardware == "tpu" else "gpu")
    assert estimate(config(*words, "hardware.peak_flops=1e15"))["minutes"] > 0


def test_memory_is_that_of_the_plan():
    words = ["arch=gpt_1m", "batch.sequences=8", "batch.micro_sequences=8", "data.seq_len=128"]
    shape = shape_of(arch_of(config(*words)))
    single = estimate(config(*words, "hardware.precision=fp32"))["memory_bytes"]
    assert single == total_memory(shape, Layout(precision="fp32"), 8 * 128, 128, 1)
    mixed = estimate(config(*words, "hardware.precision=bf16"))["memory_bytes"]
    assert mixed == total_memory(shape, on_cpu(Layout(), 128), 8 * 128, 128, 1)


def test_what_is_sharded_or_done_again_needs_less_memory():
    def memory(*words: str) -> float:
        given = ["arch=gpt_xl", "hardware=fsdp2", "hardware.devices=8", "hardware.accelerator=gpu"]
        return float(estimate(config(*given, "batch.micro_sequences=1", *words))["memory_bytes"])

    blocks = memory("hardware.activation_checkpointing=blocks")
    assert blocks < memory() < memory("hardware.replicas=2")
    assert 3e9 < blocks < 9e9
    odd = ["hardware=mesh", "hardware.rules.heads=null", "hardware.accelerator=gpu"]
    assert estimate(config("arch=gpt_1m", *odd))["memory_bytes"] is None


def test_rows_that_may_not_be_full_are_said():
    words = ["stage=sft", "data=tasks", "arch=t5_tiny", "objective=response", "budget.steps=2"]
    assert estimate(config(*words))["at_most"] and not estimate(config())["at_most"]
