from __future__ import annotations

import pytest

from lmlab.sweep import speed
from lmlab.sweep.speed import accelerator_of, peak_of, utilisation

CPU = {"accelerator": "cpu", "precision": "fp32", "threads": 1, "peak_flops": None}


def test_small_models_reach_less_of_a_cpu():
    assert utilisation("cpu", 128) == pytest.approx(0.42)
    assert utilisation("cpu", 8) == pytest.approx(0.03)
    assert utilisation("cpu", 4096) == pytest.approx(0.59)
    widths = [utilisation("cpu", width) for width in range(18, 768, 10)]
    assert widths == sorted(widths)
    assert utilisation("gpu", 18) == 0.35


def test_the_choice_is_that_of_the_hardware(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("lmlab.hardware.machine.cpu_has_bf16", lambda: False)
    auto = {"accelerator": "auto", "precision": "auto"}
    assert accelerator_of(auto) == ("cpu", "fp32", True)
    assert accelerator_of(auto | {"accelerator": "gpu"}) == ("gpu", "bf16", False)
    assert peak_of(CPU | {"accelerator": "tpu"}) == (None, "")
    assert peak_of(CPU | {"peak_flops": 5}) == (5.0, "hardware.peak_flops")


def test_the_best_of_several_measurements_counts(monkeypatch):
    rates = iter([1.0, 7.0, 3.0, 2.0, 5.0])
    monkeypatch.setattr(
        "lmlab.metric.throughput.peak_flops", lambda *asked: (next(rates), "measured")
    )
    monkeypatch.setattr(speed, "_PEAKS", {})
    monkeypatch.setattr(speed, "PAUSE", 0.0)
    assert peak_of(CPU) == (7.0, "measured") == peak_of(CPU)


def test_the_grid_takes_about_as_long_as_it_did():
    """The 22 jobs of experiments/scaling_grid.yaml up to 1.2e13 FLOPs: 22 minutes, two at once.

    A thread had 382 GFLOP/s there, by the utilisation that the runs logged.
    """
    budgets = {
        5e11: (18, 24, 36, 40, 48),
        1.5e12: (24, 36, 40, 48, 64),
        4.5e12: (36, 40, 48, 64, 80),
        1.2e13: (36, 40, 48, 64, 80, 100, 128),
    }
    seconds = sum(
        speed.START_SECONDS + flops / (382e9 * utilisation("cpu", width))
        for flops, widths in budgets.items()
        for width in widths
    )
    assert seconds / 2 / 60 == pytest.approx(22, rel=0.25)
