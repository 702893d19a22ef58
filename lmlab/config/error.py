"""The one exception of a wrong configuration."""

from __future__ import annotations

MAX_LINES = 8


class ConfigError(ValueError):
    """What is wrong with a configuration, as lines for people; at most 8 are shown."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = [part for line in lines for part in line.splitlines()]
        super().__init__("\n".join(self.lines))

    def shown(self) -> list[str]:
        """At most 8 lines; the last one counts what was left out."""
        if len(self.lines) <= MAX_LINES:
            return self.lines
        left = len(self.lines) - MAX_LINES + 1
        return [*self.lines[: MAX_LINES - 1], f"... and {left} more lines like these"]
