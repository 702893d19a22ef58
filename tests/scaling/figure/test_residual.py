from __future__ import annotations

import numpy as np

from lmlab.scaling.figure.residual import residual_figure
from tests.scaling.synthetic import grid


def test_percent_over_size_and_over_tokens(tmp_path):
    points = grid(4, 5)
    figure = residual_figure(points, np.linspace(-0.01, 0.01, 20))
    left, right = figure.axes[:2]
    assert left.get_xlabel() == "parameters" and right.get_xlabel() == "training tokens"
    assert left.get_ylim()[1] > 1.0
    figure.savefig(tmp_path / "x.png", dpi=50)
    residual_figure(points, np.zeros(20)).savefig(tmp_path / "y.png", dpi=50)
