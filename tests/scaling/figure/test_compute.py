from __future__ import annotations

from lmlab.scaling.figure.compute import compute_figure
from lmlab.scaling.forecast import forecast_largest
from lmlab.scaling.law import CHINCHILLA
from tests.scaling.synthetic import grid, training_curves


def test_runs_curves_frontier_and_forecast_are_drawn(tmp_path):
    points = grid(4, 5, noise=0.002)
    figure = compute_figure(
        points, CHINCHILLA, training_curves(), forecast_largest(points, num_draws=20)
    )
    axes = figure.axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlabel() == "training compute (FLOPs)"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["runs", "frontier of the fit", "forecast of the runs beside"]
    figure.savefig(tmp_path / "x.png", dpi=50)
