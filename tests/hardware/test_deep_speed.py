from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lmlab.hardware import deep_speed
from tests.hardware.one import keys

OWN: dict[str, Any] = {
    "strategy": "deepspeed",
    "zero_stage": 2,
    "offload_optimizer": True,
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
    monkeypatch.setattr(deep_speed, "Engine", lambda **given: given)
    given = deep_speed.DeepSpeed(**keys(**OWN, accelerator="gpu")).lightning_strategy()
    assert given["stage"] == 2 and given["offload_optimizer"] is True
    assert given["reduce_bucket_size"] == 2 * 2**20


class FakeEngine:
    """What is asked of DeepSpeed's engine."""

    def __init__(self) -> None:
        self.boundaries: list[bool] = []

    def set_gradient_accumulation_boundary(self, *, is_boundary: bool) -> None:
        self.boundaries.append(is_boundary)

    def get_global_grad_norm(self) -> None:
        return None


@pytest.fixture
def engine(monkeypatch) -> deep_speed.Engine:
    """A strategy whose parent class was not set up: the library is not here."""
    monkeypatch.setattr(deep_speed.DeepSpeedStrategy, "deepspeed_engine", FakeEngine())
    made = deep_speed.Engine.__new__(deep_speed.Engine)
    made.config, made.offloads, made._lightning_module = {}, False, None
    return made


def test_the_engine_is_told_how_far_to_clip(engine, monkeypatch):
    began = []
    monkeypatch.setattr(deep_speed.DeepSpeedStrategy, "setup", lambda self, t: began.append(t))
    engine._lightning_module = SimpleNamespace(optim=SimpleNamespace(clip_norm=0.7))
    engine.setup("trainer")
    assert engine.config["gradient_clipping"] == 0.7 and began == ["trainer"]
    assert engine.clip([], 0.7) == 0.0


def test_gradients_are_added_up_until_the_last_backward(engine):
    with engine.block_backward_sync():
        assert engine.deepspeed_engine.boundaries == [False]
    assert engine.deepspeed_engine.boundaries == [False, True]


def test_offloaded_states_take_one_micro_batch(engine):
    engine.offloads = True
    with (
        pytest.raises(ValueError, match="raise batch.micro_sequences"),
        engine.block_backward_sync(),
    ):
        pass


def test_a_checkpoint_has_the_weights_and_does_not_resume(engine, monkeypatch, tmp_path):
    written = []
    monkeypatch.setattr(deep_speed.DeepSpeedStrategy, "is_global_zero", True)
    io = SimpleNamespace(save_checkpoint=lambda *given: written.append(given))
    monkeypatch.setattr(deep_speed.DeepSpeedStrategy, "checkpoint_io", io)
    assert engine.optimizer_state(None) == {}
    engine.save_checkpoint({"state_dict": {}}, tmp_path)
    assert written == [({"state_dict": {}}, tmp_path)]
    with pytest.raises(ValueError, match="init_from=RUN starts a new run with its weights"):
        engine.load_checkpoint(tmp_path)
