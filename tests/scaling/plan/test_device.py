from __future__ import annotations

import pytest

from lmlab.scaling.plan.accelerator import accelerator
from lmlab.scaling.plan.device import arithmetic_of, check_device, default_device, in_precision
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.subject import Asked

H100, V100 = accelerator("H100"), accelerator("V100")


def test_a_tpu_is_planned_on_a_tpu_and_a_cpu_on_none():
    assert default_device(Asked(accelerator="auto")).name == "H100"
    assert default_device(Asked(accelerator="tpu")).name == "TPU_v4"
    with pytest.raises(ValueError, match=r"hardware.accelerator=cpu.*stage.device=H100.*sweep.dry"):
        default_device(Asked(accelerator="cpu"))


def test_hardware_and_device_are_of_one_kind():
    check_device(accelerator("TPU_v5p"), Asked(accelerator="auto"))
    with pytest.raises(ValueError, match=r"stage.device=H100.*stage.device=TPU_v4"):
        check_device(H100, Asked(accelerator="tpu"))
    with pytest.raises(ValueError, match=r"stage.device=TPU_v4.*stage.device=H100"):
        check_device(accelerator("TPU_v4"), Asked(accelerator="gpu"))


def test_auto_is_what_a_run_would_take_on_the_device():
    auto = Asked(precision="auto")
    assert in_precision(Layout(), auto, H100, None).precision == "bf16_mixed"
    assert in_precision(Layout(), auto, V100, None).precision == "fp32"
    assert in_precision(Layout(), Asked(precision="fp32"), H100, "bf16").precision == "bf16"
    assert in_precision(Layout(), Asked(precision="fp8"), H100, None).precision == "bf16_mixed"


def test_the_rate_is_that_of_the_precision():
    assert arithmetic_of(Asked(precision="auto"), V100, None) == "fp32"
    assert arithmetic_of(Asked(precision="fp8"), H100, None) == "fp8"
    assert arithmetic_of(Asked(precision="fp8"), H100, "bf16_mixed") == "bf16"
