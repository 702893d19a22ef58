from __future__ import annotations

import time

import pytest

from lmlab.scaling.plan import Shape, plan
from lmlab.scaling.plan.memory import Layout

GPT3 = Shape(96, 12288, 96, 4 * 12288, 50257, 2048)


def test_gpt_3_is_planned_at_once():
    start = time.process_time()
    found = plan(GPT3, device="A100", num_devices=1024, tokens=300e9, batch_tokens=3.2e6)
    assert time.process_time() - start < 1.0
    assert found.num_params == pytest.approx(174.6e9, rel=1e-3)
    assert found.chinchilla_tokens == pytest.approx(3.49e12, rel=1e-2)
    names = [row["layout"] for row in found.memory]
    assert names[0] == "DDP" and found.memory[0]["fits 80 GiB"] == "no"
    assert found.traffic[0]["micro-batches a step"] == 2
    text = found.text()
    assert "174,6" in text and "| DDP |" in text and "| feed-forward |" in text


def test_one_device_and_a_chosen_layout():
    small = Shape(4, 128, 4, 512, 8192, 256)
    found = plan(small, device="T4", seq_len=256)
    assert found.traffic == [] and "One device sends nothing." in found.text()
    assert found.tokens == 20 * found.num_params
    chosen = plan(small, layouts=[("mine", Layout(data=2))], precision="fp32")
    assert [row["layout"] for row in chosen.memory] == ["mine"] and len(chosen.traffic) == 1


def test_an_unknown_price_is_said():
    assert "price unknown" in plan(GPT3, device="B200", num_devices=8).text()
    assert "$" in plan(GPT3, device="B200", num_devices=8, price_usd_hour=6.0).text()
