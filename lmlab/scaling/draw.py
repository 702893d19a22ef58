"""The figures of an analysis, by file stem. matplotlib is imported only when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lmlab.scaling.analysis import Analysis


def draw_figures(analysis: Analysis, budgets: Sequence[float] = ()) -> dict[str, Any]:
    """loss_compute, isoflop, contour, residual: those whose fit was possible."""
    from lmlab.scaling.figure.compute import compute_figure
    from lmlab.scaling.figure.contour import contour_figure
    from lmlab.scaling.figure.isoflop import isoflop_figure
    from lmlab.scaling.figure.residual import residual_figure

    found: dict[str, Any] = {}
    points = analysis.points
    if analysis.parametric:
        law = analysis.parametric.law
        found["loss_compute"] = compute_figure(
            points, law, analysis.curves, analysis.forecast, _band(analysis)
        )
    if analysis.isoflop:
        found["isoflop"] = isoflop_figure(points, analysis.isoflop)
    if analysis.parametric:
        targets = [(float(flops), "") for flops in budgets]
        found["contour"] = contour_figure(points, law, targets)
        found["residual"] = residual_figure(points, analysis.parametric.residuals)
    return found


def _band(analysis: Analysis) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute, and low and high ends of the frontier's 90 % interval, a little beyond the runs."""
    flops = np.geomspace(analysis.points.flops.min() / 2, analysis.points.flops.max() * 2, 60)
    low, high = np.nanquantile(analysis.frontier(flops)[2], [0.05, 0.95], axis=0)
    return flops, low, high
