"""What a stage that trains nothing says."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """text: Markdown; metrics: numbers for a tracker; figures: matplotlib's, tables: rows, by name.

    summary: the few lines that a person wants first, by their names.
    """

    text: str
    metrics: dict[str, float]
    figures: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    summary: dict[str, str] = field(default_factory=dict)

    def save(self, folder: str | Path) -> list[Path]:
        """Write report.md, every table as CSV and every figure as png and pdf; their paths."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        files = [place / "report.md"]
        files[0].write_text(self.text, encoding="utf-8")
        files += [
            write_csv(place / f"{name}.csv", rows) for name, rows in self.tables.items() if rows
        ]
        for name, figure in self.figures.items():
            for suffix in ("png", "pdf"):
                files.append(place / f"{name}.{suffix}")
                figure.savefig(files[-1], dpi=200, bbox_inches="tight")
        return files


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows of equal keys as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
