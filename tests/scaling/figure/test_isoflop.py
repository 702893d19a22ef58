from __future__ import annotations

from lmlab.scaling.figure.isoflop import isoflop_figure
from lmlab.scaling.isoflop import fit_isoflop
from tests.scaling.synthetic import grid


def test_a_parabola_a_budget_and_the_law_of_sizes(tmp_path):
    points = grid(4, 5)
    figure = isoflop_figure(points, fit_isoflop(points))
    left, right = figure.axes
    assert len(left.texts) == 4 and left.texts[0].get_text() == "$10^{18}$"
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert "Kaplan, $a$ = 0.73" in names and len(names) == 3
    figure.savefig(tmp_path / "x.png", dpi=50)
