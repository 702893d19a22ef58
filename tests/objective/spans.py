"""The inverse of the span rules, for tests."""

from __future__ import annotations


def restore_spans(source: list[int], target: list[int], sentinels: tuple[int, ...]) -> list[int]:
    """The original of one pair: every sentinel of source becomes what follows it in target."""
    spans: dict[int, list[int]] = {}
    current: list[int] = []
    for token in target:
        if token in sentinels:
            current = spans.setdefault(token, [])
        else:
            current.append(token)
    return [item for token in source for item in spans.get(token, [token])]
