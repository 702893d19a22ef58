"""Lists of values become jobs: their product, or pairs of them. Overrides are Hydra's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from lmlab.config.error import ConfigError

Row = dict[str, str]  # key without + or ~ -> the override of one job
Axes = dict[str, list[str]]  # the same -> its overrides, one a job
_PLAIN = re.compile(r"[A-Za-z_./@%*-][\w./@%*:-]*")


def axes_of(overrides: Iterable[Override]) -> Axes:
    """Every override as the list of its values; a key that comes again replaces the earlier one.

    Raises: ConfigError for an interval, which has no values to list.
    """
    axes: Axes = {}
    for override in overrides:
        key = override.get_key_element()
        if not override.is_sweep_override():
            value = short(override.get_value_element_as_str())
            text = key if override.is_delete() else f"{key}={value}"
            axes[key.lstrip("+~")] = [text]
            continue
        try:
            values = [f"{key}={short(value)}" for value in override.sweep_string_iterator()]
        except HydraException as error:
            raise ConfigError([f"{override.input_line}: {error}"]) from error
        axes[key.lstrip("+~")] = values
    return axes


def short(text: str) -> str:
    """A number as people write it, 10000000000000.0 as 1e13; any other text as it is."""
    if not re.fullmatch(r"-?\d+\.\d+(?:e[+-]?\d+)?", text):
        return text
    brief = re.sub(r"e([+-])0*", r"e\1", f"{float(text):g}").replace("e+", "e")
    same = float(brief) == float(text) and ("e" in brief or "." in brief)
    return brief if same and len(brief) < len(text) else text


def rows(axes: Axes, grid: str) -> list[Row]:
    """The jobs of these axes: grid=product, the last one fastest, or grid=zip.

    Raises: ConfigError for lists of different lengths in a zip (a single value goes with all).
    """
    if grid == "zip":
        lengths = {key: len(values) for key, values in axes.items() if len(values) > 1}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{key} has {number}" for key, number in lengths.items())
            raise ConfigError([f"sweep.grid=zip needs lists of the same length: {said}"])
        number = next(iter(lengths.values()), 1)
        whole = {key: v if len(v) > 1 else v * number for key, v in axes.items()}
        combinations = list(zip(*whole.values(), strict=True)) or [()]
    else:
        combinations = list(itertools.product(*axes.values()))
    return [dict(zip(axes, values, strict=True)) for values in combinations]


def written(key: str, value: Any) -> str:
    """An override of Hydra's grammar for a plain value, such as `arch.width=8`."""
    return f"{key}={_value(value)}"


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return "[" + ",".join(_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"  # 1e+12, not 1000000000000.0
    if not isinstance(value, str):
        return str(value)
    words = ("null", "true", "false", "nan", "inf")
    if _PLAIN.fullmatch(value) and value.lower() not in words:
        return value
    # Of backslashes, only those before a quote are escapes.
    doubled = re.sub(r"(\\+)(?='|$)", lambda found: 2 * found[1], value)
    return "'" + doubled.replace("'", "\\'") + "'"


def varied(all_rows: Iterable[Row]) -> list[str]:
    """Keys whose override is not the same in every job, in their order."""
    listed = list(all_rows)
    keys = dict.fromkeys(key for row in listed for key in row)
    return [key for key in keys if len({row.get(key) for row in listed}) > 1]
