from __future__ import annotations

from lmlab.metric.throughput import PEAK_FLOPS, measured_peak_flops, peak_flops


def test_a_cpu_is_measured():
    rate, how = peak_flops("cpu", "fp32")
    assert how == "measured" and rate > 1e8


def test_at_least_one_product_is_measured():
    assert 1e8 < measured_peak_flops("fp32", "cpu", seconds=0.0) < 1e15


def test_known_devices_have_both_precisions():
    assert all(set(rates) == {"bf16", "fp32"} for rates in PEAK_FLOPS.values())
