from __future__ import annotations

from lmlab.scaling.figure.memory import memory_figure
from lmlab.scaling.plan import Shape, plan
from lmlab.scaling.plan.accelerator import accelerator


def test_a_bar_for_every_layout_and_a_line_at_the_limit():
    found = plan(Shape(96, 12288, 96, 4 * 12288, 50257, 2048), num_devices=64)
    figure = memory_figure(found.memory, accelerator("H100"), "zero 3")
    axes = figure.axes[0]
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels] == [row["layout"] for row in found.memory]
    assert [label.get_text() for label in labels if label.get_fontweight() == "bold"] == ["zero 3"]
    assert axes.lines[0].get_xdata()[0] == 72.0
