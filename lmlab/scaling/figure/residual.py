"""Residuals of the parametric fit against size and tokens."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lmlab.scaling.figure.style import BLACK, SCALE, count_text, drawing, log_axis, padded, size_bar
from lmlab.scaling.points import Points


def residual_figure(points: Points, residuals: np.ndarray) -> Figure:
    """100 (observed / fitted - 1) over size and over tokens; a pattern means the form is wrong.

    residuals (n,): log(observed / fitted). The band holds 90 % of them.
    """
    percent = 100 * np.expm1(residuals)
    low, high = np.quantile(percent, [0.05, 0.95])
    with drawing(8.6, 3.6, 2, sharey=True) as (figure, both):
        norm = size_bar(figure, both, points.tokens.min(), points.tokens.max(), "training tokens")
        sides = (points.params, "parameters"), (points.tokens, "training tokens")
        for axes, (values, label) in zip(both, sides, strict=True):
            axes.axhspan(low, high, color="0.92", lw=0, zorder=0)
            axes.axhline(0.0, color=BLACK, lw=1.0)
            axes.scatter(
                values, percent, c=points.tokens, norm=norm, cmap=SCALE, s=24, lw=0.4, ec="white"
            )
            axes.set_xlabel(label)
            axes.set_xlim(*padded(values))
            log_axis(axes.xaxis, count_text)
        both[0].set_ylabel("observed above fitted loss (%)")
        limit = 1.25 * max(float(np.abs(percent).max()), 1e-3)
        both[0].set_ylim(-limit, limit)
        text = f"band: 90 % of {len(percent)} runs, {low:+.2g} to {high:+.2g} %"
        both[0].annotate(text, (0.02, 0.96), xycoords="axes fraction", va="top", fontsize=9)
        return figure
