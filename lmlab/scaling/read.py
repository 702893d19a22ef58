"""Points from a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from lmlab.scaling.points import Curve, Points, make_points

COLUMNS = ("params", "tokens", "loss", "flops")


def read_points(path: str | Path, names: dict[str, str] | None = None) -> Points:
    """Points of a CSV file with columns params, tokens, loss and, if it is there, flops.

    `names` gives the file's name of a column where it differs, such as {"loss": "val/loss_nats"}.
    Raises: ValueError naming the column, or the row (line of the file) and column that is wrong.
    """
    asked = [*COLUMNS[:3], *(name for name in names or {} if name == "flops")]
    names = _names(names)
    rows = _rows(Path(path))
    _require(Path(path), rows, [names[name] for name in asked])
    present = [name for name in COLUMNS if names[name] in rows[0][1]]
    columns = {
        name: np.array([_number(Path(path), line, row, names[name]) for line, row in rows])
        for name in present
    }
    return make_points(**columns)


def read_curves(path: str | Path, names: dict[str, str] | None = None) -> list[Curve]:
    """Training curves of a CSV file with columns run, params, tokens, loss: a row a measurement.

    Raises: ValueError as `read_points`, and for a run whose params change.
    """
    names = {"run": "run"} | _names(names, ("run",))
    rows = _rows(Path(path))
    _require(Path(path), rows, [names[name] for name in ("run", *COLUMNS[:3])])
    runs: dict[str, list[tuple[float, float, float]]] = {}
    for line, row in rows:
        params, tokens, loss = (_number(Path(path), line, row, names[name]) for name in COLUMNS[:3])
        points = runs.setdefault(row[names["run"]], [])
        if points and points[0][0] != params:
            raise ValueError(f"{path} line {line}: params of run {row[names['run']]!r} changed")
        points.append((params, tokens, loss))
    return [_curve(np.array(sorted(points))) for points in runs.values()]


def _curve(table: np.ndarray) -> Curve:
    return Curve(float(table[0, 0]), table[:, 1], table[:, 2])


def _names(names: dict[str, str] | None, more: tuple[str, ...] = ()) -> dict[str, str]:
    given = names or {}
    unknown = sorted(set(given) - {*COLUMNS, *more})
    if unknown:
        raise ValueError(f"columns: {unknown[0]!r} is none of {', '.join((*COLUMNS, *more))}")
    return {name: name for name in COLUMNS} | given


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows with their line numbers."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file; give a CSV with columns params, tokens, loss")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        rows = [(reader.line_num, row) for row in reader]
    if not rows:
        raise ValueError(f"{path} has no rows below its header")
    return rows


def _require(path: Path, rows: list[tuple[int, dict[str, str]]], columns: list[str]) -> None:
    have = [name for name in rows[0][1] if name is not None]
    for column in columns:
        if column not in have:
            raise ValueError(
                f"{path} has no column {column!r}; it has {', '.join(have)}. "
                "Name another with columns, such as columns.loss=val/loss_nats"
            )


def _number(path: Path, line: int, row: dict[str, str], column: str) -> float:
    text = row[column]
    try:
        value = float(text.replace("_", ""))
    except (ValueError, AttributeError):
        raise ValueError(f"{path} line {line}, column {column!r}: {text!r} is no number") from None
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{path} line {line}, column {column!r}: {text} must be above 0")
    return value
