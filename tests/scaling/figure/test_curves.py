"""The figure of curves can be drawn, with what it marks."""

from __future__ import annotations

import numpy as np

from lmlab.scaling.figure.curves import Line, curves_figure

X = np.arange(5.0)
LINES = [
    Line("PPO", X, {"a": X, "b": X[::-1]}, mark=2.0),
    Line("best of N", X[:3], {"a": X[:3], "b": X[:3]}),
]
LABELS = {"a": "proxy", "b": "gold"}


def test_together_and_in_panels(tmp_path):
    figure = curves_figure(
        LINES, LABELS, x_label="KL", x_scale="sqrt", together=True, verticals={"tie": 1.0}
    )
    (axes,) = figure.axes
    assert axes.get_ylabel() == "proxy and gold" and axes.get_xlabel() == "KL"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["PPO", "best of N", "proxy", "gold", "opposed from here on"]
    panels = curves_figure(
        LINES, LABELS, x_label="KL", x_scale="sqrt", together=False, verticals={}
    ).axes
    assert [each.get_ylabel() for each in panels] == ["proxy", "gold"]
    figure.savefig(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
