from __future__ import annotations

from typing import Any

import lightning as L
import pytest

from lmlab.hardware import deep_speed
from tests.hardware.one import keys

OWN: dict[str, Any] = {
    "strategy": "deepspeed",
    "zero_stage": 3,
    "offload_optimizer": True,
    "offload_parameters": True,
    "bucket_megabytes": 4.0,
    "overlap": True,
}


def test_without_the_library_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(deep_speed, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'lmlab\[deepspeed\]'"):
        deep_speed.DeepSpeed(**keys(**OWN))


def test_on_a_cpu_it_points_to_fsdp2(monkeypatch):
    monkeypatch.setattr(deep_speed, "find_spec", lambda name: object())
    with pytest.raises(ValueError, match="hardware=fsdp2 also runs on CPUs"):
        deep_speed.DeepSpeed(**keys(**OWN))


def test_settings_reach_lightnings_strategy(monkeypatch):
    monkeypatch.setattr(deep_speed, "find_spec", lambda name: object())
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr(L.pytorch.strategies, "DeepSpeedStrategy", lambda **given: given)
    given = deep_speed.DeepSpeed(**keys(**OWN, accelerator="gpu")).lightning_strategy()
    assert given["stage"] == 3 and given["offload_parameters"] is True
    assert given["reduce_bucket_size"] == 2 * 2**20
