"""What all figures share: size, fonts, colours, axes that read well on a log scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "lines.linewidth": 1.6,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
# Okabe and Ito's colours, told apart with every common kind of colour blindness.
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PURPLE = (
    "#000000",
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
)
CYCLE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Viridis without its palest end, which is hard to see on white.
SCALE = ListedColormap(mpl.colormaps["viridis"](np.linspace(0.0, 0.9, 256)))
SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, ""))


@contextmanager
def drawing(
    width: float = 5.6, height: float = 4.0, columns: int = 1, **options: Any
) -> Iterator[tuple[Figure, Any]]:
    """A figure in inches and its axes (one, or an array), with the style in force."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(1, columns, **options)


def count_text(value: float, _: Any = None) -> str:
    """Such as 30k, 1.5M, 70B."""
    for unit, suffix in SUFFIXES:
        if value >= unit * 0.9995:
            return f"{value / unit:.3g}{suffix}"
    return f"{value:.3g}"


def power_text(value: float, _: Any = None) -> str:
    """Such as $10^{21}$ or $3{\\times}10^{18}$."""
    exponent = int(np.floor(np.log10(value) + 1e-9))
    factor = value / 10.0**exponent
    if abs(factor - 1) < 1e-6:
        return f"$10^{{{exponent}}}$"
    return f"${factor:.3g}{{\\times}}10^{{{exponent}}}$"


def plain_text(value: float, _: Any = None) -> str:
    """Such as 2.5, for losses."""
    return f"{value:.4g}"


def log_axis(axis: Axis, text: Callable[[float, Any], str] = power_text) -> None:
    """A log scale with 3 to 8 labelled ticks at round numbers, set after all is drawn."""
    axes = axis.axes
    is_x = axis is axes.xaxis
    (axes.set_xscale if is_x else axes.set_yscale)("log")
    low, high = sorted(axes.get_xlim() if is_x else axes.get_ylim())
    axis.set_major_locator(FixedLocator(log_ticks(low, high)))
    axis.set_major_formatter(FuncFormatter(text))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers in low..high: whole decades, or more digits where those are too few."""
    if high / low < 4:
        ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [float(tick) for tick in ticks if low <= tick <= high]
    decades = np.arange(np.floor(np.log10(low)) - 1, np.ceil(np.log10(high)) + 1)
    found: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = _inside(low, high, decades, factors)
        if len(found) >= 3:
            break
    return found[:: max(1, -(-len(found) // 8))]


def _inside(
    low: float, high: float, decades: np.ndarray, factors: tuple[float, ...]
) -> list[float]:
    values = [factor * 10.0**decade for decade in decades for factor in factors]
    return [value for value in values if low * 0.999 <= value <= high * 1.001]


def size_bar(figure: Figure, axes: Axes, low: float, high: float, label: str) -> LogNorm:
    """A colour bar of counts from low to high beside the axes; returns its norm."""
    norm = LogNorm(low, high * 1.0001)
    bar = figure.colorbar(mpl.cm.ScalarMappable(norm, SCALE), ax=axes, label=label, pad=0.02)
    bar.ax.yaxis.set_major_locator(FixedLocator(log_ticks(low, high)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(count_text))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)
    return norm


def halo(text: Text) -> Text:
    """The text with a white rim, so that it reads on top of lines."""
    text.set_path_effects([effects.withStroke(linewidth=2.5, foreground="white")])
    return text


def padded(values: np.ndarray, share: float = 0.06) -> tuple[float, float]:
    """Limits around positive values with a margin on a log scale."""
    low, high = np.log(values.min()), np.log(values.max())
    margin = share * max(high - low, 0.1)
    return float(np.exp(low - margin)), float(np.exp(high + margin))
