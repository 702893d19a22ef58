"""One generic figure of a sweep: a metric or setting of every job against another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmlab.config.suggest import check_keys
from lmlab.sweep.result import Result

KINDS = ("line", "scatter")
KEYS = ("kind", "x", "y", "by", "log_x", "log_y")
NAMES = {"params/non_embedding": "parameters outside embeddings", "params/total": "parameters"}
# Okabe and Ito's colours, told apart by everyone.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
MAX_TICKS = 8
MARKS = "osD^vPX"


def check(asked: Mapping[str, Any]) -> None:
    """Raises: ValueError for a key or kind that there is not, naming the nearest."""
    check_keys("experiment.figure", asked, KEYS)
    if asked.get("kind", "line") not in KINDS:
        raise ValueError(f"experiment.figure.kind={asked['kind']}: must be {' or '.join(KINDS)}")
    for key in ("x", "y"):
        if not isinstance(asked.get(key), str):
            raise ValueError(f"experiment.figure.{key}: needs a metric or a setting, such as arch")


def draw(asked: Mapping[str, Any], results: list[Result], path: Path) -> None:
    """Write the figure. Raises: ValueError where fewer than two jobs have both values."""
    check(asked)
    series = points(asked, results)
    if sum(map(len, series.values())) < 2:
        raise ValueError(f"fewer than two jobs have both {asked['x']} and {asked['y']}")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.2), layout="constrained")
    line = "-" if asked.get("kind", "line") == "line" else ""
    for index, (name, pairs) in enumerate(series.items()):
        look: dict[str, Any] = {
            "color": COLOURS[index % 7],
            "marker": MARKS[index % 7],
            "markersize": 5.5,
        }
        if line:
            x, y, low, high = zip(*means(pairs), strict=True)
            if low != high:
                axes.vlines(x, low, high, color=look["color"], linewidth=1.2, alpha=0.6)
            pairs = list(zip(x, y, strict=True))
        axes.plot(*zip(*pairs, strict=True), linestyle=line, label=name, linewidth=1.6, **look)
    axes.set_xlabel(words(asked["x"]))
    axes.set_ylabel(words(asked["y"]))
    for key, scale in (("log_x", axes.set_xscale), ("log_y", axes.set_yscale)):
        if asked.get(key):
            scale("log")
    _tick_values(axes, [x for pairs in series.values() for x, _ in pairs], bool(asked.get("log_x")))
    axes.grid(True, which="major", color="#dddddd", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    if asked.get("by"):
        axes.legend(title=words(asked["by"]), frameon=False)
    figure.savefig(path, dpi=160)
    pyplot.close(figure)


def _tick_values(axes: Any, values: list[Any], log: bool) -> None:
    """On a logarithmic axis: the few values that were swept, in place of powers of ten."""
    found = sorted({x for x in values if isinstance(x, int | float)})
    if log and 1 < len(found) <= MAX_TICKS and len(found) == len(set(values)):
        axes.set_xticks(found, [f"{x:g}" for x in found])
        axes.set_xticks([], minor=True)


def points(asked: Mapping[str, Any], results: list[Result]) -> dict[str, list[tuple[Any, float]]]:
    """(x, y) of every job that has both, by the value of `by`; numbers in order of x."""
    series: dict[str, list[tuple[Any, float]]] = {}
    for result in results:
        x, y = value_of(result, asked["x"]), value_of(result, asked["y"])
        if x is None or not isinstance(y, int | float):
            continue
        by = str(value_of(result, asked["by"])) if asked.get("by") else ""
        series.setdefault(by, []).append((x, float(y)))
    for pairs in series.values():
        if all(isinstance(x, int | float) and not isinstance(x, bool) for x, _ in pairs):
            pairs.sort()
        else:
            pairs[:] = [(str(x), y) for x, y in pairs]
    return series


def means(pairs: list[tuple[Any, float]]) -> list[tuple[Any, float, float, float]]:
    """(x, mean, lowest, highest y) of the jobs with the same x, in their order."""
    groups: dict[Any, list[float]] = {}
    for x, y in pairs:
        groups.setdefault(x, []).append(y)
    return [(x, sum(y) / len(y), min(y), max(y)) for x, y in groups.items()]


def value_of(result: Result, key: str) -> Any:
    """A metric, an option of a group, or a setting; None where there is none."""
    if key in result.metrics:
        return result.metrics[key]
    if key in result.choices:
        return result.choices[key]
    value: Any = result.config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def words(key: str) -> str:
    """A label for people: val/loss_nats becomes `val loss (nats)`, arch.width `width`."""
    if key in NAMES:
        return NAMES[key]
    words = (key if "/" in key else key.rpartition(".")[2]).replace("/", " ").replace("_", " ")
    for unit in ("nats", "seconds", "flops", "tokens"):
        if words.endswith(f" {unit}"):
            words = f"{words.removesuffix(unit).rstrip()} ({unit})"
    return words
