"""Weights under other names, in both directions."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

MAX_NAMES = 4


def renamed(weights: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """{new: weights[old]} for names {new: old}. Raises: ValueError naming what is missing."""
    missing = sorted({old for old in names.values() if old not in weights})
    if missing:
        raise ValueError(f"the weights lack {listed(missing)}")
    return {new: weights[old] for new, old in names.items()}


def inverted(names: Mapping[str, str]) -> dict[str, str]:
    """{old: new}; of several new names of one old one the first is kept."""
    return {old: new for new, old in reversed(list(names.items()))}


def refuse_others(weights: Mapping[str, Tensor], known: set[str]) -> None:
    """Raises: ValueError for names that are not known: weights of a variant that is not here."""
    others = sorted(set(weights) - known)
    if others:
        raise ValueError(
            f"the weights have names that this architecture does not: {listed(others)}"
        )


def listed(names: list[str]) -> str:
    """At most four names, and how many more there are."""
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
