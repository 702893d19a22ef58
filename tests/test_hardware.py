from __future__ import annotations

import pytest
import torch

from lmlab.hardware import Hardware, cpu_has_bf16

KEYS = {
    "accelerator": "auto",
    "strategy": "auto",
    "devices": 1,
    "nodes": 1,
    "precision": "auto",
    "compile": None,
    "activation_checkpointing": "none",
    "deterministic": False,
    "threads": None,
    "peak_flops": None,
}
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@no_gpu
def test_auto_on_a_machine_without_gpu_is_the_cpu_uncompiled():
    hardware = Hardware(**KEYS)
    assert hardware.accelerator == "cpu" and hardware.compile is False
    assert hardware.precision == ("bf16" if cpu_has_bf16() else "fp32")
    assert "CPU" in hardware.describe()


@no_gpu
def test_a_gpu_that_is_not_there_names_what_was_found():
    with pytest.raises(ValueError, match=r"found 0 GPU\(s\)"):
        Hardware(**(KEYS | {"accelerator": "gpu"}))


def test_many_devices_need_a_strategy():
    with pytest.raises(ValueError, match="hardware=ddp hardware.devices=2"):
        Hardware(**(KEYS | {"accelerator": "cpu", "devices": 2}))


def test_no_devices_are_refused():
    with pytest.raises(ValueError, match="hardware.devices=0"):
        Hardware(**(KEYS | {"accelerator": "cpu", "devices": 0}))


@pytest.mark.parametrize(("asked", "given"), [("fp32", "32-true"), ("bf16", "bf16-mixed")])
def test_the_trainer_gets_the_precision(asked, given):
    hardware = Hardware(**(KEYS | {"accelerator": "cpu", "precision": asked}))
    assert hardware.trainer(logger=False, max_steps=1).precision == given
