"""IsoFLOP parabolas with their minima, and the size law through these."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from lmlab.scaling.figure.style import (
    BLACK,
    RED,
    SCALE,
    count_text,
    drawing,
    log_axis,
    padded,
    plain_text,
    power_text,
)
from lmlab.scaling.isoflop import IsoflopFit
from lmlab.scaling.points import Points, budget_of


def isoflop_figure(points: Points, fit: IsoflopFit) -> Figure:
    """Left: loss over size at each budget; right: best size over compute with its power law.

    Style of Hoffmann et al. 2022 figure 3.
    """
    with drawing(9.4, 4.2, 2) as (figure, (left, right)):
        norm = LogNorm(points.flops.min(), points.flops.max() * 1.0001)
        numbers = budget_of(points.flops)
        for number in range(numbers.max() + 1):
            rows = points.take(numbers == number)
            flops = float(np.exp(np.log(rows.flops).mean()))
            _budget(left, rows, fit, flops, SCALE(0.95 * norm(flops)))
        left.set(xlabel="parameters", ylabel="loss (nats a token)")
        low, high = padded(points.params)
        left.set_xlim(low, high * (high / low) ** 0.08)  # room for the names of the budgets
        left.margins(y=0.12)
        log_axis(left.xaxis, count_text)
        log_axis(left.yaxis, plain_text)
        left.plot([], [], "o", ms=7, color="white", mec=BLACK, mew=1.1, label="best size")
        left.legend(loc="lower left")  # minima move down and to the right
        _size_law(right, fit, norm)
        return figure


def _budget(axes: Axes, rows: Points, fit: IsoflopFit, flops: float, colour: tuple) -> None:
    """The runs of one budget, its parabola and the parabola's minimum."""
    axes.scatter(rows.params, rows.loss, s=18, color=colour, alpha=0.75, lw=0)
    last = int(rows.params.argmax())
    axes.annotate(
        power_text(float(f"{flops:.1e}")),
        (rows.params[last], rows.loss[last]),
        (0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color=colour,
    )
    for parabola in fit.parabolas:
        if abs(np.log(parabola.flops / flops)) > 1e-6:
            continue
        ends = np.append(rows.params, parabola.best_params if parabola.inside else [])
        sizes = np.geomspace(ends.min(), ends.max(), 100)
        axes.plot(sizes, parabola(sizes), color=colour, lw=1.4)
        if parabola.inside:
            axes.plot(
                parabola.best_params,
                parabola.best_loss,
                "o",
                ms=7,
                color=colour,
                mec=BLACK,
                mew=1.1,
            )


def _size_law(axes: Axes, fit: IsoflopFit, norm: LogNorm) -> None:
    flops = np.array([parabola.flops for parabola in fit.parabolas])
    sizes = np.array([parabola.best_params for parabola in fit.parabolas])
    span = padded(flops, 0.1)
    line = np.geomspace(*span, 50)
    middle = np.exp(np.log(flops).mean())
    anchor = float(fit.size(middle))
    for a, name, style in (
        (0.5, "Chinchilla, $a$ = 0.50", ":"),
        (0.73, "Kaplan, $a$ = 0.73", "-."),
    ):
        axes.plot(line, anchor * (line / middle) ** a, color="0.45", ls=style, lw=1.2, label=name)
    label = (
        f"$N_{{opt}} \\propto C^a$, $a$ = {fit.a.value:.3f} ({fit.a.low:.3f} to {fit.a.high:.3f})"
    )
    axes.plot(line, fit.size(line), color=RED, label=label)
    colours = [SCALE(0.95 * norm(value)) for value in flops]
    axes.scatter(flops, sizes, s=48, c=colours, edgecolors=BLACK, linewidths=1.1, zorder=3)
    axes.set(xlabel="training compute (FLOPs)", ylabel="best number of parameters")
    axes.set_xlim(*span)
    low, high = axes.get_ylim()
    log_axis(axes.xaxis)
    axes.set_yscale("log")
    low, high = padded(np.append(sizes, anchor * (line / middle) ** 0.73), 0.05)
    axes.set_ylim(low, high * (high / low) ** 0.3)  # room for the legend
    log_axis(axes.yaxis, count_text)
    axes.legend(loc="upper left")
