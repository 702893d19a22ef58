from __future__ import annotations

from lmlab.mesh.figure import attention_figure, matmul_figure, traffic_figure
from lmlab.mesh.walk import attention, matmul
from tests.mesh.test_report import LINKS, SENT


def words(figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))}


def test_the_matrix_product_shows_blocks_and_what_is_gathered():
    figure = matmul_figure(matmul())
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "A [16_y,16_x]: each holds one block"
    assert titles[3:] == [
        'A [8_y,16_x]: after all-gather over "x"',
        'B [16_y,4_x]: after all-gather over "y"',
        "C [8_y,4_x]: one local product",
    ]
    below = [{t.get_text() for t in axes.texts} - {""} for axes in figure.axes[3:]]
    assert below == [{"1", "2", "3", "4"}, {"2", "6"}, {"2"}]


def test_attention_shows_who_holds_the_same():
    figure = attention_figure(attention())
    letters = ["".join(t.get_text() for t in axes.texts) for axes in figure.axes]
    assert letters == ["aaaabbbb", "abcdabcd", *["abcdefgh"] * 4, "aaaabbbb"]


def test_traffic_has_a_bar_for_each_axis_and_purpose():
    figure = traffic_figure(SENT, LINKS)
    assert len(figure.axes[0].patches) == 2
    assert {"100 MB, 2 ms", "9 MB, 20 us", "data: InfiniBand_NDR"} <= words(figure)
