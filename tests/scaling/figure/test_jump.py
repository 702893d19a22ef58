from __future__ import annotations

import numpy as np

from lmlab.scaling.figure.jump import jump_figure
from lmlab.scaling.jump import judge_jump


def test_both_forms_with_their_tests(tmp_path):
    scale = np.geomspace(1e6, 1e10, 10)
    noise = 0.01 * np.random.default_rng(0).standard_normal((2, 10))
    smooth, sharp = np.log10(scale) + noise[0], 0.8 * (scale > 1e8) + noise[1]
    figure = jump_figure(scale, smooth, sharp, judge_jump(scale, smooth, sharp))
    left, right = figure.axes
    assert left.get_title().startswith("no break found") and right.get_title().startswith("sharp")
    figure.savefig(tmp_path / "x.png", dpi=50)
