"""Checks of the numbers that objectives are given."""

from __future__ import annotations


def check_rate(name: str, value: float) -> float:
    """A share of the tokens that is hidden. Raises: ValueError outside 0 < value < 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name}={value} must be above 0 and below 1, the share that is hidden")
    return value


def check_fraction(name: str, value: float) -> float:
    """A probability. Raises: ValueError outside 0..1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value} must be from 0 to 1")
    return value


def check_mean_span(name: str, value: float) -> float:
    """The mean length of a hidden span in tokens. Raises: ValueError below 1."""
    if not value >= 1:
        raise ValueError(f"{name}={value} must be 1 token or more")
    return value
