from __future__ import annotations

from lmlab.config.error import ConfigError


def test_few_lines_are_shown_as_they_are() -> None:
    assert ConfigError(["a", "b\nc"]).shown() == ["a", "b", "c"]


def test_at_most_eight_lines() -> None:
    shown = ConfigError([str(number) for number in range(20)]).shown()
    assert len(shown) == 8
    assert shown[-1] == "... and 13 more lines like these"
