"""Scores of answers, with those to tasks that were never trained on apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Row = tuple[Any, str, dict[str, float]]  # a conversation, what was answered, its scores


def means_of(rows: Sequence[Row]) -> dict[str, float]:
    """The mean of every score over rows, at least one."""
    return {name: float(np.mean([row[2][name] for row in rows])) for name in rows[0][2]}


def held_out_categories(rows: Sequence[Row], held_out: set[str]) -> set[str]:
    """Categories none of whose tasks is trained on."""
    trained = {about.category for about, _, _ in rows if about.task not in held_out}
    return {about.category for about, _, _ in rows if about.category} - trained


def parted(rows: Sequence[Row], held_out: set[str]) -> dict[str, list[Row]]:
    """Rows of trained tasks, of held-out tasks, and of those of them whose category is untrained too.

    Only those that there are, and none where no task is held out (row S0-18).
    """
    if not held_out:
        return {}
    untrained = held_out_categories(rows, held_out)
    found = {
        "trained": [row for row in rows if row[0].task not in held_out],
        "held_out": [row for row in rows if row[0].task in held_out],
        "held_out_category": [row for row in rows if row[0].category in untrained],
    }
    return {name: part for name, part in found.items() if part}


def table(rows: Sequence[Row], by: str, held_out: set[str]) -> list[dict[str, Any]]:
    """A row for every task or category that has a name: its answers, their mean scores, held out."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if getattr(row[0], by):
            groups.setdefault(getattr(row[0], by), []).append(row)
    apart = held_out if by == "task" else held_out_categories(rows, held_out)
    return [
        {by: name, "held_out": name in apart, "answers": len(part), **means_of(part)}
        for name, part in sorted(groups.items())
    ]
