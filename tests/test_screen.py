from __future__ import annotations

import io
import json
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from lmlab.screen import count, duration, note_progress, show_end, validation_line


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (1234567, "", "1.23M"),
        (175e9, "", "175B"),
        (3.2e12, "FLOP", "3.2TFLOP"),
        (12, "B", "12B"),
        (2e9, "B", "2GB"),
    ],
)
def test_numbers_for_people(number, unit, text):
    assert count(number, unit) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (75, "1m15s"), (3725, "1h02m")])
def test_durations_for_people(seconds, text):
    assert duration(seconds) == text


def test_progress_is_a_small_file_for_whoever_watches(tmp_path):
    stage = SimpleNamespace(elapsed_seconds=30.0, latest={"train/loss_nats": 2.5})
    note_progress(tmp_path / "progress.json", 5, 0.25, stage)
    assert json.loads((tmp_path / "progress.json").read_text()) == {
        "step": 5,
        "part": 0.25,
        "loss_nats": 2.5,
        "tokens_per_second": None,
        "seconds_left": 90.0,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]
    note_progress(tmp_path / "gone" / "progress.json", 5, 0.25, stage)  # ends no run


def test_the_last_panel_says_the_figures_and_how_to_go_on():
    metrics = {"val/loss_nats": 2.0, "val/perplexity": 7.389, "val/bits_per_byte": 1.5}
    out = io.StringIO()
    show_end(
        Console(file=out, width=100),
        title="finished",
        metrics=metrics,
        samples=[{"prompt": "def ", "continuation": "[not markup](x)"}],
        rows={"go on": "lmlab resume runs/x"},
        started=time.time(),
    )
    for words in (
        "2.0000 nats a token",
        "1.500 bits a byte",
        "def [not markup](x)",
        "lmlab resume runs/x",
    ):
        assert words in out.getvalue()


def test_a_command_that_is_too_long_for_the_panel_can_be_copied_from_below_it():
    out, path = io.StringIO(), "runs/" + "long-name-" * 12
    rows = {
        "checkpoint": path,
        "verdict": "holds " * 20,
        "go on": f"lmlab resume {path} budget.steps=N",
    }
    show_end(
        Console(file=out, width=80),
        title="finished",
        metrics={},
        samples=[],
        rows=rows,
        started=time.time(),
    )
    lines = out.getvalue().splitlines()
    assert f"checkpoint: {path}" in lines and f"go on: {rows['go on']}" in lines
    assert all(len(line) <= 80 for line in lines[:-2])


def test_without_a_byte_count_there_are_no_bits_a_byte():
    assert "byte" not in validation_line({"val/loss_nats": 1.0, "val/perplexity": 2.7})
