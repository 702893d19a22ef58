"""Which points of a run are logged: finite, at most so many metrics, none a second time."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

say = logging.getLogger("lmlab.track")
_ODD_LETTER = re.compile(r"[^\w./: -]")
_IGNORED = ("epoch",)  # Lightning adds it to everything


class Points:
    """What has been logged so far, metric by metric.

    Values are kept to six significant digits. A step that is logged again with the same value is
    left out. After a resume the steps that were logged before it are left out as well: exact
    resume repeats them.
    """

    def __init__(self, max_metrics: int, earlier: Iterable[dict[str, Any]]) -> None:
        self.max_metrics = max_metrics
        self._last: dict[str, tuple[int, float]] = {}
        self._before: dict[str, int] = {}
        self._odd: dict[str, str] = {}
        self._dropped = False
        for event in earlier:
            if event["type"] == "metrics":
                for key, value in event["values"].items():
                    self._last[key] = (event["step"], value)
                    self._before[key] = max(event["step"], self._before.get(key, event["step"]))

    def take(self, metrics: Mapping[str, Any], step: int) -> tuple[dict[str, float], str]:
        """The points to log, and the tag on values not finite, "" where it is unchanged."""
        values: dict[str, float] = {}
        odd = len(self._odd)
        for name, value in metrics.items():
            key, number = _key(name), float(value)
            if key in _IGNORED or not self._has_room(key):
                continue
            if not math.isfinite(number):
                self._odd.setdefault(key, f"{key} = {number} at step {step}")
                continue
            number = _readable(number)
            if self._is_new(key, step, number):
                self._last[key] = (step, number)
                values[key] = number
        return values, "; ".join(self._odd.values())[:4000] if len(self._odd) > odd else ""

    def _has_room(self, key: str) -> bool:
        if key in self._last or len(self._last) < self.max_metrics:
            return True
        if not self._dropped:
            self._dropped = True
            say.warning(
                "a run has at most track.max_metrics=%d metrics, which its page can show; "
                "%s and other new ones are left out",
                self.max_metrics,
                key,
            )
        return False

    def _is_new(self, key: str, step: int, value: float) -> bool:
        if key in self._before:
            if step <= self._before[key]:
                return False
            del self._before[key]
        return self._last.get(key) != (step, value)


def _key(name: str) -> str:
    """A name as MLflow takes it: no odd letters, no empty part between slashes."""
    parts = _ODD_LETTER.sub("_", name)[:250].split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "_"


def _readable(value: float) -> float:
    """Six significant digits, as many as MLflow's table can show; whole numbers stay exact."""
    return value if value.is_integer() else float(f"{value:.6g}")
