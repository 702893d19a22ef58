"""Metrics of several runs over one of them: a line for each run, a panel for each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lmlab.scaling.figure.style import BLACK, CYCLE, drawing

MARKS = "osD^vPX"
MARKED = 30  # points at most that are marked one by one


@dataclass(frozen=True, slots=True)
class Line:
    """One run: x (t,), its metrics by name (t,), and the x at which something is to be marked."""

    label: str
    x: np.ndarray
    y: dict[str, np.ndarray]
    mark: float | None = field(default=None)


def curves_figure(
    lines: Sequence[Line],
    labels: Mapping[str, str],
    *,
    x_label: str,
    x_scale: str,
    together: bool,
    verticals: Mapping[str, float],
) -> Figure:
    """The lines; labels: of every metric, for people. verticals: named places on the x axis.

    together: all metrics in one panel, the first with a full line and the others broken; else a
    panel for each. A mark is a ring on every metric of its run.
    """
    names = list(labels)
    columns = 1 if together else len(names)
    with drawing(6.4 if columns == 1 else 4.6 * columns, 4.2, columns) as (figure, found):
        panels = [found] * len(names) if columns == 1 else list(np.ravel(found))
        for number, (name, axes) in enumerate(zip(names, panels, strict=True)):
            dash = ("-", "--", ":", "-.")[number % 4] if together else "-"
            for index, line in enumerate(lines):
                colour, mark = CYCLE[index % len(CYCLE)], MARKS[index % len(MARKS)]
                shown = mark if len(line.x) <= MARKED else ""
                axes.plot(line.x, line.y[name], color=colour, ls=dash, marker=shown, ms=4)
                if line.mark is not None:
                    at = float(np.interp(line.mark, *_sorted(line.x, line.y[name])))
                    axes.plot(line.mark, at, "o", color=colour, mfc="white", ms=9, mew=2, zorder=5)
            axes.set_xlabel(x_label)
            axes.set_ylabel(" and ".join(labels.values()) if together else labels[name])
        for axes in dict.fromkeys(panels):
            _scale(axes, x_scale)
            for text, place in verticals.items():
                axes.axvline(place, color=BLACK, lw=0.9, ls=(0, (4, 3)))
                axes.annotate(
                    text, (place, 1), xycoords=("data", "axes fraction"), rotation=90,
                    xytext=(-3, -4), textcoords="offset points", va="top", ha="right", fontsize=9,
                )  # fmt: skip
        _legend(panels[-1], lines, labels if together and len(names) > 1 else {})
        return figure


def _legend(axes: Axes, lines: Sequence[Line], dashes: Mapping[str, str]) -> None:
    """Colours stand for runs; where a panel has several metrics, dashes for those; rings for marks."""
    shown = []
    if len(lines) > 1 or not dashes:
        shown += [
            Line2D([], [], color=CYCLE[index % 7], marker=MARKS[index % 7], ms=4, label=line.label)
            for index, line in enumerate(lines)
        ]
    shown += [
        Line2D([], [], color=BLACK, ls=("-", "--", ":", "-.")[number % 4], label=text)
        for number, text in enumerate(dashes.values())
    ]
    if any(line.mark is not None for line in lines):
        ring: dict[str, Any] = {"color": BLACK, "mfc": "white", "ms": 8, "mew": 2}
        shown.append(Line2D([], [], ls="", marker="o", label="opposed from here on", **ring))
    axes.legend(handles=shown, loc="center left", bbox_to_anchor=(1.01, 0.5), alignment="left")


def _scale(axes: Axes, scale: str) -> None:
    """linear, log, or sqrt, which gives short distances room and can show 0."""
    if scale == "sqrt":
        root = lambda x: np.sqrt(np.maximum(x, 0))  # noqa: E731
        axes.set_xlim(left=0)
        axes.set_xscale("function", functions=(root, np.square))
    elif scale == "log":
        axes.set_xscale("log")


def _sorted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the order of x, which interpolation needs."""
    order = np.argsort(x, kind="stable")
    return x[order], y[order]
