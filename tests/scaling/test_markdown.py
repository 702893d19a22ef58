from __future__ import annotations

from lmlab.scaling.markdown import markdown_table


def test_rows():
    table = markdown_table([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    assert table == "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |"
    assert markdown_table([]) == ""
