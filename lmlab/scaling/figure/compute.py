"""Loss against compute with the efficient frontier."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmlab.scaling.figure.style import (
    BLACK,
    RED,
    SCALE,
    drawing,
    log_axis,
    padded,
    plain_text,
    size_bar,
)
from lmlab.scaling.forecast import Forecast
from lmlab.scaling.law import Law
from lmlab.scaling.points import Curve, Points


def compute_figure(
    points: Points,
    law: Law,
    curves: list[Curve] | None = None,
    held_out: Forecast | None = None,
    band: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
) -> Figure:
    """Every run's end (and curve) over its compute, coloured by size; the frontier of the law.

    band: compute, low and high (m,) of the frontier's interval. Style of Kaplan et al. 2020
    figure 1 and Hoffmann et al. 2022 figure 2.
    """
    with drawing(6.2, 4.2) as (figure, axes):
        sizes = points.params
        norm = size_bar(figure, axes, sizes.min(), sizes.max(), "parameters")
        for curve in curves or []:
            late = curve.tokens >= 0.01 * curve.tokens.max()
            colour = SCALE(norm(curve.params))
            axes.plot(curve.flops[late], curve.loss[late], color=colour, lw=0.8, alpha=0.55)
        dots = {"c": sizes, "norm": norm, "cmap": SCALE, "s": 22, "linewidths": 0.4}
        axes.scatter(points.flops, points.loss, edgecolors="white", zorder=3, label="runs", **dots)
        step = 0.009 * np.ptp(np.log(points.flops))
        places = np.empty(0)
        if held_out is not None:
            places = _held_out(axes, held_out, step)
        span = padded(np.append(points.flops, places), 0.04)
        flops = np.geomspace(*span, 200)
        per = points.flops_per_param_token
        frontier = law.optimum(flops, per)[2]
        if band is not None:
            axes.fill_between(*band, color="0.6", alpha=0.35, lw=0, zorder=1.5)
        axes.plot(
            flops, frontier, color=BLACK, ls="--", lw=1.5, zorder=4, label="frontier of the fit"
        )
        axes.set(xlabel="training compute (FLOPs)", ylabel="loss (nats a token)")
        axes.set_xlim(*span)
        axes.set_ylim(*padded(np.append(points.loss, frontier), 0.08))
        log_axis(axes.xaxis)
        log_axis(axes.yaxis, plain_text)
        axes.legend(loc="upper right")
        return figure


def _held_out(axes: Axes, held_out: Forecast, step: float) -> np.ndarray:
    """Forecasts with their intervals, by size, a little to the right of the runs; their computes."""
    spread = np.abs(np.stack([held_out.low, held_out.high]) - held_out.predicted)
    ranks = held_out.held_out.params.argsort().argsort()
    places = held_out.held_out.flops * np.exp(step * (2 + ranks))
    axes.errorbar(
        places,
        held_out.predicted,
        yerr=spread,
        fmt="_",
        color=RED,
        ms=5,
        mew=1.4,
        lw=0.9,
        zorder=5,
        label="forecast of the runs beside",
    )
    return places
