from __future__ import annotations

import pytest

from lmlab.scaling.plan.named import look_up, read_named


def test_rows_by_name(tmp_path):
    file = tmp_path / "t.yaml"
    file.write_text("A_1: {rate: 2}\nB: {rate: 3}\n")
    table = read_named(file, dict)
    assert table == {"A_1": {"name": "A_1", "rate": 2}, "B": {"name": "B", "rate": 3}}
    assert look_up(table, "B", "link")["rate"] == 3


@pytest.mark.parametrize("typed", ["a-1", "a 1", "A_2"])
def test_the_nearest_of_an_unknown_name(typed):
    with pytest.raises(
        ValueError, match=f"link={typed} is not known; known are A_1, B; did you mean A_1"
    ):
        look_up({"A_1": 1, "B": 2}, typed, "link")
