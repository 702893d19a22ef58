"""What a search may choose: ranges and lists of values, as typed or as an experiment writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override

from lmlab.config.error import ConfigError
from lmlab.config.suggest import nearest
from lmlab.sweep.grid import Row

RANGE_KEYS = ("low", "high", "log", "whole")
DIGITS = 4  # significant ones of a number that is chosen


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high; log: even in the logarithm; whole: integers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def text(self, value: float) -> str:
        """The number as it is written in an override, inside the range."""
        if self.whole:
            return str(int(min(max(round(value), self.low), self.high)))
        return f"{min(max(float(f'{value:.{DIGITS}g}'), self.low), self.high):.12g}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Values as they are written in overrides."""

    values: tuple[str, ...]


Point = dict[str, str]  # key -> value, as written in an override
Space = dict[str, Range | Choice]


def split(overrides: Iterable[Override]) -> tuple[Space, list[Override]]:
    """The ranges among parsed overrides, `key=interval(1, 2)` with `tag(log, ...)`, and the rest.

    Raises: ConfigError for limits that are none.
    """
    space: Space = {}
    rest: list[Override] = []
    for override in overrides:
        value = override.value()
        if not isinstance(value, IntervalSweep):
            rest.append(override)
            continue
        assert value.start is not None and value.end is not None
        whole = isinstance(value.start, int) and isinstance(value.end, int)
        key = str(override.get_key_element()).lstrip("+")
        found = Range(float(value.start), float(value.end), "log" in value.tags, whole)
        space[key] = _sound(override.input_line or key, found)
    return space, rest


def written_range(key: str, asked: Mapping[str, Any]) -> Range:
    """A range of an experiment, {low: 1e-4, high: 1e-2, log: true}. Raises: ConfigError."""
    where = f"experiment.sweep.{key}"
    for name in asked:
        if name not in RANGE_KEYS:
            near = nearest(str(name), RANGE_KEYS)
            hint = f"; did you mean {near}?" if near else ""
            raise ConfigError([f"{where}.{name}: a range has {', '.join(RANGE_KEYS)}{hint}"])
    try:
        low, high = float(asked["low"]), float(asked["high"])
    except (KeyError, TypeError, ValueError):
        raise ConfigError([f"{where}: a range needs the numbers low and high"]) from None
    made = Range(low, high, bool(asked.get("log", False)), bool(asked.get("whole", False)))
    return _sound(where, made)


def _sound(where: str, made: Range) -> Range:
    if not made.low < made.high or (made.log and made.low <= 0):
        rule = "above 0 and below its end" if made.log else "below its end"
        raise ConfigError(
            [f"{where}: the range must begin {rule}; got {made.low:g}..{made.high:g}"]
        )
    return made


def point_of(space: Space, overrides: Iterable[str]) -> Point:
    """What a job's overrides say of the space's keys."""
    said = {text.partition("=")[0].lstrip("+~"): text.partition("=")[2] for text in overrides}
    return {key: said[key] for key in space}


def row_of(point: Point) -> Row:
    """Overrides of a point."""
    return {key: f"{key}={value}" for key, value in point.items()}


def corners(space: Space) -> list[Point]:
    """Points in which every end of a range and every choice comes once: what is checked first."""
    ends = {
        key: list(axis.values)
        if isinstance(axis, Choice)
        else [axis.text(axis.low), axis.text(axis.high)]
        for key, axis in space.items()
    }
    first = {key: values[0] for key, values in ends.items()}
    more = [{**first, key: value} for key, values in ends.items() for value in values[1:]]
    return [first, *more]
