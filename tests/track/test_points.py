"""Which points are logged."""

from __future__ import annotations

import logging

import pytest

from lmlab.track.points import Points


def test_a_point_is_kept_to_six_digits_and_a_whole_number_exactly() -> None:
    values, odd = Points(40, []).take({"val/loss_nats": 1.23456789, "progress/tokens": 12345678}, 3)
    assert values == {"val/loss_nats": 1.23457, "progress/tokens": 12345678.0}
    assert odd == ""


def test_the_41st_metric_is_left_out_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    points = Points(40, [])
    values, _ = points.take({f"train/m{index}": float(index) for index in range(43)}, 0)
    assert list(values) == [f"train/m{index}" for index in range(40)]
    with caplog.at_level(logging.WARNING):
        points.take({"train/m41": 1.0, "train/m39": 2.0}, 1)
    assert len([r for r in caplog.records if "40 metrics" in r.getMessage()]) <= 1
    assert points.take({"train/m39": 3.0}, 2)[0] == {"train/m39": 3.0}


def test_values_that_are_not_finite_are_left_out_and_named_once() -> None:
    points = Points(40, [])
    values, odd = points.take({"train/loss_nats": float("nan"), "train/grad_norm": 1.0}, 7)
    assert values == {"train/grad_norm": 1.0}
    assert odd == "train/loss_nats = nan at step 7"
    assert points.take({"train/loss_nats": float("inf")}, 8) == ({}, "")


def test_the_same_step_with_the_same_value_is_logged_once() -> None:
    points = Points(40, [])
    assert points.take({"a": 1.0}, 1)[0] and not points.take({"a": 1.0}, 1)[0]
    assert points.take({"a": 2.0}, 1)[0] and points.take({"a": 1.0}, 0)[0]  # after going back


def test_after_a_resume_only_new_steps_are_logged() -> None:
    earlier = [{"type": "metrics", "step": step, "values": {"a": 1.0}} for step in (1, 2, 3)]
    points = Points(40, earlier)
    logged = [step for step in (2, 3, 4, 3) if points.take({"a": 5.0 + step}, step)[0]]
    assert logged == [4, 3]  # 3 once more: going back after a loss spike


@pytest.mark.parametrize(
    ("name", "key"), [("train//loss?", "train/loss_"), ("../x", "x"), ("epoch loss", "epoch loss")]
)
def test_names_become_what_the_store_takes(name: str, key: str) -> None:
    assert list(Points(40, []).take({name: 1.0}, 0)[0]) == [key]


def test_the_epoch_that_lightning_adds_is_no_metric() -> None:
    assert Points(40, []).take({"epoch": 0}, 0)[0] == {}
