"""Ability curves against scale."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lmlab.scaling.ability import AbilityCurve
from lmlab.scaling.figure.style import CYCLE, count_text, drawing, log_axis, padded


def ability_figure(curves: list[AbilityCurve], label: str = "parameters") -> Figure:
    """Scores of every ability over scale with its curve; a mark at half the way above chance.

    Abilities are listed in the order in which they appear. Source: row S1-05.
    """
    marks = "osD^vPX"
    with drawing(6.6, 3.9) as (figure, axes):
        ordered = sorted(curves, key=lambda curve: curve.midpoint.value)
        scales = np.concatenate([curve.scale for curve in curves])
        span = padded(scales, 0.05)
        line = np.geomspace(*span, 200)
        for index, curve in enumerate(ordered):
            colour, mark = CYCLE[index % len(CYCLE)], marks[index % len(marks)]
            half = count_text(curve.midpoint.value) if curve.reached else "not reached"
            axes.plot(line, curve(line), color=colour)
            axes.plot(
                curve.scale, curve.score, mark, color=colour, ms=5, label=f"{curve.name}: {half}"
            )
            if curve.reached:
                axes.axvline(curve.midpoint.value, color=colour, lw=0.8, ls=":")
        axes.set(xlabel=label, ylabel="score", xlim=span, ylim=(-0.03, 1.03))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        log_axis(axes.xaxis, count_text)
        axes.legend(
            title="half-way at", loc="center left", bbox_to_anchor=(1.01, 0.5), alignment="left"
        )
        return figure
