"""Small labelled tables, and what makes a Classification of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from lmlab.data.classification import Classification
from lmlab.data.source.table import Table
from tests.data.material import loading


def make_table(paths: Any, **changes: Any) -> Table:
    keys: dict[str, Any] = {
        "paths": paths if isinstance(paths, list | dict) else str(paths),
        "validation_paths": None,
        "text": "text",
        "text_pair": None,
        "label": "label",
        "choices": None,
        "labels": None,
        "leave_out": ["-"],
        "validation_fraction": 0.2,
        "max_train": None,
        "max_validation": None,
        "split": "train",
        "seed": 0,
    }
    return Table(**(keys | changes))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def many(number: int) -> list[dict[str, Any]]:
    """Rows whose label, yes or no, is the first letter's, with a second text and a number."""
    return [
        {
            "text": f"{'yn'[n % 2]} {n:03d}",
            "other": f"o{n}",
            "label": ["yes", "no"][n % 2],
            "number": n / 10,
        }
        for n in range(number)
    ]


def prepared(cache_dir: Path, source: Table, **changes: Any) -> Classification:
    keys = loading(cache_dir, **({"kind": "decoder", "both_orders": False} | changes))
    keys.pop("template")
    data = Classification(source=source, **keys)
    data.prepare()
    return data
