"""The table of interconnects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lmlab.scaling.plan.named import read_named


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
    return read_named(Path(__file__).with_name("interconnect.yaml"), Interconnect)
