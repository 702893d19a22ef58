"""What a stage that trains nothing says."""

from __future__ import annotations

from dataclasses import dataclass, field
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
