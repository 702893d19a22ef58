"""Tables of things with names, as YAML files beside the code that reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")


def read_named(file: Path, make: Callable[..., T]) -> dict[str, T]:
    """What `make(name=..., **row)` makes of every row of a YAML mapping, by name."""
    table: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))
    return {name: make(name=name, **row) for name, row in table.items()}


def look_up(table: Mapping[str, T], name: str, setting: str) -> T:
    """The row that a setting names. Raises: ValueError naming the nearest and all known ones."""
    if name in table:
        return table[name]
    lower = {known.lower(): known for known in table}
    typed = name.lower().replace(" ", "_").replace("-", "_")
    near = get_close_matches(typed, lower, n=1, cutoff=0.4)
    hint = f"; did you mean {lower[near[0]]}?" if near else ""
    raise ValueError(f"{setting}={name} is not known; known are {', '.join(table)}{hint}")
