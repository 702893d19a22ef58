"""The table of interconnects."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Interconnect:
    """What joins devices along one axis of a mesh; gbs: sent by one device, 1e9 bytes/s."""

    name: str
    gbs: float
    source: str

    def seconds(self, sent_bytes: float) -> float:
        """Time to send so much at the full rate; what each message costs besides is left out."""
        return sent_bytes / (1e9 * self.gbs)


@lru_cache(maxsize=1)
def interconnects() -> dict[str, Interconnect]:
    """All of interconnect.yaml by name."""
    table = yaml.safe_load(Path(__file__).with_name("interconnect.yaml").read_text("utf-8"))
    return {name: Interconnect(name=name, **row) for name, row in table.items()}


def interconnect(name: str) -> Interconnect:
    """One interconnect. Raises: ValueError naming the nearest and all known ones."""
    table = interconnects()
    if name in table:
        return table[name]
    lower = {known.lower(): known for known in table}
    near = get_close_matches(name.lower().replace(" ", "_"), lower, n=1, cutoff=0.4)
    hint = f"; did you mean {lower[near[0]]}?" if near else ""
    raise ValueError(f"interconnect {name} is not known; known are {', '.join(table)}{hint}")
