from __future__ import annotations

from lmlab.scaling.analysis import analyse
from lmlab.scaling.draw import draw_figures
from tests.scaling.synthetic import grid


def test_four_figures_of_a_whole_grid_and_fewer_without_parabolas():
    figures = draw_figures(analyse(grid(4, 5, noise=0.002), num_draws=50), [1e23])
    assert list(figures) == ["loss_compute", "isoflop", "contour", "residual"]
    assert "isoflop" not in draw_figures(analyse(grid(5, 2), num_draws=50))
