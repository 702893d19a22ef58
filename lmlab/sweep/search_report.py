"""What a search found: its best trials, and a figure of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lmlab.sweep.figure import COLOURS, MARKS, words
from lmlab.sweep.folder import SweepFolder
from lmlab.sweep.result import points_of, read_result
from lmlab.sweep.search_plan import SearchPlan
from lmlab.sweep.search_space import Choice, Point, Range, point_of
from lmlab.sweep.show import label_of

FILE = "search.png"
MAX_PANELS = 4
Row = tuple[int, Point, str, float | None]  # number, point, state, the metric


def search_report(plan: SearchPlan, folder: SweepFolder) -> tuple[str, list[str], list[str]]:
    """The line for the terminal, lines of the page, and the figure's file in the sweep's folder."""
    metric, rows = plan.config["sweep"]["metric"], read_rows(plan, folder)
    measured = [row for row in rows if row[2] == "finished" and row[3] is not None]
    states = [row[2] for row in rows]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    if not measured:
        return f"no trial has finished ({counts or 'none was started'})", [], []
    sign = -1.0 if plan.config["sweep"]["maximize"] else 1.0
    best = min(measured, key=lambda row: sign * (row[3] or 0.0))
    entry = folder.entries[best[0] - 1]
    line = f"best: {label_of(entry)}: {metric} {best[3]:.4g} (trial {best[0]}; {counts})"
    files = [FILE] if len(measured) > 1 else []
    if files:
        draw(plan, rows, folder.path / FILE)
    note = [
        f"**Best: `{label_of(entry)}`** with {metric} {best[3]:.4g}, trial {best[0]}",
        "",
        f"{counts}; {plan.config['sweep']['sampler']} over {_space(plan)}",
        "",
    ]
    return line, note, files


def read_rows(plan: SearchPlan, folder: SweepFolder) -> list[Row]:
    """Every trial; the metric of a pruned one is the last that it logged."""
    metric, rows = plan.config["sweep"]["metric"], []
    for entry in folder.entries:
        run = folder.run_folder(entry)
        value = read_result(entry.name, entry.state, run).metrics.get(metric)
        if value is None and run is not None:
            value = next(reversed(points_of(run, metric)), None)
        rows.append((entry.number, point_of(plan.space, entry.overrides), entry.state, value))
    return rows


def draw(plan: SearchPlan, rows: list[Row], path: Path) -> None:
    """The metric over the number of the trial, and over every key; pruned trials are hollow."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    keys = list(plan.space)[:MAX_PANELS]
    shown = [row for row in rows if row[3] is not None]
    size = (3.4 * (len(keys) + 1), 3.4)
    figure, panels = pyplot.subplots(
        1, len(keys) + 1, figsize=size, sharey=True, layout="constrained"
    )
    _history(panels[0], shown, plan.config["sweep"]["maximize"])
    colours = _colours(plan)
    for axes, key in zip(panels[1:], keys, strict=True):
        _panel(axes, key, plan.space[key], shown, colours)
    panels[0].set_ylabel(words(plan.config["sweep"]["metric"]))
    by = next((key for key, axis in plan.space.items() if isinstance(axis, Choice)), None)
    if by is not None and len(plan.space) > 1:
        for value, (colour, mark) in colours.items():
            panels[-1].plot([], [], mark, color=colour, label=value)
        panels[-1].plot([], [], "o", color="#555555", mfc="none", label="pruned")
        panels[-1].legend(
            title=words(by),
            frameon=False,
            loc="upper left",
            bbox_to_anchor=(1, 1),
        )
    for axes in panels:
        axes.grid(True, color="#dddddd", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)
    pyplot.close(figure)


def _history(axes: Any, rows: list[Row], maximize: bool) -> None:
    """Every trial in its order, and the best so far as a line."""
    for number, _, state, value in rows:
        fill = "none" if state != "finished" else "#555555"
        axes.plot(number, value, "o", color="#555555", mfc=fill, markersize=5)
    numbers: list[int] = []
    best: list[float] = []
    for number, _, state, value in rows:
        if state == "finished" and value is not None:
            numbers.append(number)
            pick = max if maximize else min
            best.append(pick([value, *best[-1:]]))
    axes.step(numbers, best, where="post", color=COLOURS[1], linewidth=1.6, label="best so far")
    axes.set_xlabel("trial")
    axes.legend(frameon=False)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _panel(
    axes: Any, key: str, axis: Range | Choice, rows: list[Row], colours: dict[str, tuple[str, str]]
) -> None:
    for _, point, state, value in rows:
        x = float(point[key]) if isinstance(axis, Range) else axis.values.index(point[key])
        colour, mark = next((colours[v] for v in point.values() if v in colours), (COLOURS[0], "o"))
        fill = "none" if state != "finished" else colour
        axes.plot(x, value, mark, color=colour, mfc=fill, markersize=5.5)
    axes.set_xlabel(words(key))
    if isinstance(axis, Choice):
        axes.set_xticks(range(len(axis.values)), axis.values)
        axes.set_xlim(-0.5, len(axis.values) - 0.5)
    elif axis.log:
        axes.set_xscale("log")


def _colours(plan: SearchPlan) -> dict[str, tuple[str, str]]:
    """A colour and a mark for every value of the first list."""
    for axis in plan.space.values():
        if isinstance(axis, Choice):
            return {v: (COLOURS[i % 7], MARKS[i % 7]) for i, v in enumerate(axis.values)}
    return {}


def _space(plan: SearchPlan) -> str:
    parts = []
    for key, axis in plan.space.items():
        if isinstance(axis, Range):
            parts.append(f"`{key}` {axis.low:g} to {axis.high:g}{' (log)' if axis.log else ''}")
        else:
            parts.append(f"`{key}` {', '.join(axis.values)}")
    return "; ".join(parts)
