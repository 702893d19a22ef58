"""How often each part of a mixture is drawn."""

from __future__ import annotations

from collections.abc import Mapping


def rates(
    sizes: Mapping[str, float], *, cap: float | None = None, temperature: float = 1.0
) -> dict[str, float]:
    """Shares of the parts, summing to 1: min(size, cap) ^ (1 / temperature), normalised.

    temperature 1: proportional to the examples of a part; larger: more alike. cap: the size from
    which on a part counts no more; None: no cap.
    Source: T5 section 3.5.2 (examples-proportional mixing with an artificial limit, temperature).
    Raises: ValueError for a size that is not above 0, and for settings out of range.
    """
    if not sizes:
        raise ValueError("a mixture needs at least one part")
    for name, size in sizes.items():
        if not size > 0:
            raise ValueError(f"the size of {name} is {size}; it must be above 0")
    if cap is not None and not cap > 0:
        raise ValueError(f"cap={cap} must be above 0, or null for none")
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be above 0; 1 is proportional")
    limited = {name: min(size, cap or size) for name, size in sizes.items()}
    most = max(limited.values())
    weights = {name: (size / most) ** (1 / temperature) for name, size in limited.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def chosen(shares: Mapping[str, float], unit: float) -> str:
    """The part that a number 0 <= unit < 1 falls on."""
    reached = 0.0
    for name, share in shares.items():
        reached += share
        if unit < reached:
            return name
    return next(reversed(list(shares)))
