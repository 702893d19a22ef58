"""Does the fitted irreducible loss agree with an entropy that is known?"""

from __future__ import annotations

from dataclasses import dataclass

from lmlab.scaling.interval import Interval


@dataclass(frozen=True, slots=True)
class EntropyCheck:
    """agrees: the known entropy lies in the interval of E; gap: E - entropy, nats a token."""

    agrees: bool
    gap: float
    reason: str


def check_entropy(E: Interval, entropy_nats: float) -> EntropyCheck:
    """The fitted E against the entropy rate of a source that is known exactly. Source: row S4-41."""
    gap = E.value - entropy_nats
    inside = entropy_nats in E
    relation = "agrees with" if inside else ("is above" if gap > 0 else "is below")
    reason = f"E = {E.text(4)} nats {relation} the source's entropy, {entropy_nats:.4f}"
    if inside and E.width > 0.2 * entropy_nats:
        reason += "; the interval is wide, so this says little"
    return EntropyCheck(inside, gap, reason)
