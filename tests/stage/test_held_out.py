"""Scores over trained tasks, held-out tasks and held-out categories, by hand."""

from __future__ import annotations

from types import SimpleNamespace

from lmlab.stage.held_out import held_out_categories, means_of, parted, table


def row(task: str, category: str, score: float):
    return SimpleNamespace(task=task, category=category), "", {"exact_match": score}


ROWS = [
    row("copy", "copying", 1.0),
    row("copy", "copying", 0.0),
    row("last", "copying", 0.25),
    row("day", "dates", 0.0),
    row("", "", 1.0),
]
HELD_OUT = {"last", "day"}


def test_the_parts_by_hand():
    assert held_out_categories(ROWS, HELD_OUT) == {"dates"}
    means = {name: means_of(part)["exact_match"] for name, part in parted(ROWS, HELD_OUT).items()}
    assert means == {"trained": 2 / 3, "held_out": 0.125, "held_out_category": 0.0}


def test_nothing_held_out_is_nothing_apart():
    assert parted(ROWS, set()) == {}


def test_the_tables_by_hand():
    assert table(ROWS, "category", HELD_OUT) == [
        {"category": "copying", "held_out": False, "answers": 3, "exact_match": 1.25 / 3},
        {"category": "dates", "held_out": True, "answers": 1, "exact_match": 0.0},
    ]
    by_task = table(ROWS, "task", HELD_OUT)
    assert [(each["task"], each["held_out"]) for each in by_task] == [
        ("copy", False), ("day", True), ("last", True),
    ]  # fmt: skip
