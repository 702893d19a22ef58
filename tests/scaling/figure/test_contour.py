from __future__ import annotations

from lmlab.scaling.figure.contour import contour_figure
from lmlab.scaling.law import CHINCHILLA, Law
from tests.scaling.synthetic import grid


def test_contours_frontier_and_target_are_drawn(tmp_path):
    figure = contour_figure(grid(4, 5), CHINCHILLA, [(1e23, "target: ")])
    axes = figure.axes[0]
    assert any(text.get_text().startswith("target: ") for text in axes.texts)
    assert axes.get_xlim()[1] > 1e23
    figure.savefig(tmp_path / "x.png", dpi=50)


def test_a_grid_that_lost_almost_nothing_still_has_levels(tmp_path):
    law = Law(E=2.0, A=0.5, B=0.5, alpha=0.3, beta=0.3)
    contour_figure(grid(3, 5, law=law), law).savefig(tmp_path / "x.png", dpi=50)
