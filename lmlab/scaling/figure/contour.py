"""Contours of L(N, D) over compute and size, with the efficient frontier."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lmlab.scaling.figure.style import (
    BLACK,
    RED,
    SCALE,
    count_text,
    drawing,
    halo,
    log_axis,
    padded,
)
from lmlab.scaling.law import Law
from lmlab.scaling.points import Points


def contour_figure(
    points: Points, law: Law, targets: list[tuple[float, str]] | None = None
) -> Figure:
    """Lines of equal fitted loss, the runs, and the best size at every compute.

    targets: computes to mark on the frontier, with names. Style of Hoffmann et al. 2022 figure 4.
    """
    with drawing(6.2, 4.4) as (figure, axes):
        marked = np.array([flops for flops, _ in targets or []])
        xlim = padded(np.append(points.flops, marked), 0.06)
        per = points.flops_per_param_token
        best = law.optimum(np.array(xlim), per)[0]
        ylim = padded(np.append(points.params, best), 0.06)
        flops, sizes = np.meshgrid(np.geomspace(*xlim, 240), np.geomspace(*ylim, 240))
        loss = law.loss(sizes, flops / per / sizes)
        levels = _levels(law, points, xlim, per)
        drawn = axes.contour(flops, sizes, loss, levels, cmap=SCALE.reversed(), linewidths=1.1)
        line = np.geomspace(*xlim, 100)
        axes.plot(line, law.optimum(line, per)[0], color=RED, lw=2.2, label="efficient frontier")
        axes.scatter(points.flops, points.params, s=9, color=BLACK, alpha=0.6, lw=0, label="runs")
        for value, name in targets or []:
            size = float(law.optimum(value, per)[0])
            axes.plot(value, size, "*", ms=14, color=RED, mec="white", mew=0.8, zorder=5)
            text = f"{name}{count_text(size)}"
            halo(
                axes.annotate(text, (value, size), (-9, 7), textcoords="offset points", ha="right")
            )
        axes.set(xlabel="training compute (FLOPs)", ylabel="parameters", xlim=xlim, ylim=ylim)
        log_axis(axes.xaxis)
        log_axis(axes.yaxis, count_text)
        places = _label_places(law, levels, xlim, per, ylim[0])
        for label in axes.clabel(drawn, fmt="%.4g", fontsize=8, colors="0.2", manual=places):
            halo(label)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
        return figure


def _levels(law: Law, points: Points, xlim: tuple[float, float], per: float) -> np.ndarray:
    """Round losses even in log(L - E): 9 along the frontier, and on up to the worst run's."""
    highest, lowest = (float(law.optimum(flops, per)[2]) - law.E for flops in xlim)
    lowest = max(lowest, 1e-3)
    step = max(highest / lowest, 1.01) ** (1 / 9)
    number = 9 + int(np.clip(np.log((points.loss.max() - law.E) / highest) / np.log(step), 0, 6))
    digits = 2 if highest - lowest > 0.3 else 3
    return np.unique(np.round(law.E + lowest * step ** (np.arange(number) + 0.5), digits))


def _label_places(
    law: Law, levels: np.ndarray, xlim: tuple[float, float], per: float, smallest: float
) -> list[tuple[float, float]]:
    """Where every level meets a line below the frontier and parallel to it."""
    flops = np.geomspace(xlim[0], xlim[1] ** 1.5 / xlim[0] ** 0.5, 2000)
    sizes = 0.25 * law.optimum(flops, per)[0]
    loss = law.loss(sizes, flops / per / sizes)
    reached = levels[(levels > loss.min()) & (levels < loss.max())]
    at = np.exp(np.interp(reached, loss[::-1], np.log(flops[::-1])))
    sizes = 0.25 * law.optimum(at, per)[0]
    last = xlim[1] * (xlim[0] / xlim[1]) ** 0.05
    inside = (at < last) & (sizes > 1.15 * smallest)
    return list(zip(at[inside], sizes[inside], strict=True))
