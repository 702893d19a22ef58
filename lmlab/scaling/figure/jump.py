"""A metric's smooth and thresholded form over scale."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmlab.scaling.figure.style import BLUE, RED, count_text, drawing, log_axis, padded
from lmlab.scaling.jump import ChangePoint, JumpVerdict


def jump_figure(
    scale: np.ndarray,
    smooth: np.ndarray,
    thresholded: np.ndarray,
    verdict: JumpVerdict,
    names: tuple[str, str] = ("smooth form", "thresholded form"),
    label: str = "parameters",
) -> Figure:
    """Both forms side by side, each with its test; a line where a sharp one breaks. Row S4-33."""
    with drawing(8.0, 3.6, 2) as (figure, both):
        sides = (smooth, names[0], verdict.smooth), (thresholded, names[1], verdict.thresholded)
        for axes, (values, name, test) in zip(both, sides, strict=True):
            _form(axes, scale, values, (label, name), test)
        figure.suptitle(verdict.verdict[0].upper() + verdict.verdict[1:], fontsize=11)
        return figure


def _form(
    axes: Axes, scale: np.ndarray, values: np.ndarray, labels: tuple[str, str], test: ChangePoint
) -> None:
    order = np.argsort(scale)
    colour = RED if test.sharp else BLUE
    axes.plot(scale[order], values[order], "o-", color=colour, ms=5, lw=1.2)
    if test.sharp:
        later = scale[scale > test.place]
        between = np.sqrt(test.place * later.min()) if len(later) else test.place
        axes.axvline(between, color="0.3", lw=1.0, ls="--")
    chance = "p < 0.001" if test.p_value < 0.001 else f"p = {test.p_value:.3f}"
    axes.set_title(f"{'sharp' if test.sharp else 'no break found'}, {chance}")
    axes.set(xlabel=labels[0], ylabel=labels[1], xlim=padded(scale))
    axes.margins(y=0.1)
    log_axis(axes.xaxis, count_text)
