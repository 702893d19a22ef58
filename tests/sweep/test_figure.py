from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.sweep.figure import check, draw, means, points
from lmlab.sweep.result import Result


def job(arch: str, width: int, loss: float | None) -> Result:
    metrics = {} if loss is None else {"val/loss_nats": loss}
    return Result(arch, "finished", None, {"arch": arch}, {"arch": {"width": width}}, metrics)


JOBS = [job("b", 16, 2.0), job("a", 32, 1.0), job("a", 8, 3.0), job("a", 4, None)]
ASKED = {"kind": "line", "x": "arch.width", "y": "val/loss_nats", "by": "arch", "log_x": True}


def test_points_are_settings_against_metrics_in_order():
    assert points(ASKED, JOBS) == {"b": [(16, 2.0)], "a": [(8, 3.0), (32, 1.0)]}
    assert points({"x": "arch", "y": "val/loss_nats"}, JOBS[:2]) == {"": [("b", 2.0), ("a", 1.0)]}


def test_jobs_with_the_same_x_are_one_point_of_a_line():
    found = means([(1, 2.0), (1, 4.0), (8, 5.0)])
    assert found == [(1, 3.0, 2.0, 4.0), (8, 5.0, 5.0, 5.0)]


def test_a_figure_is_written(tmp_path: Path):
    draw(ASKED, JOBS, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="fewer than two"):
        draw(ASKED, JOBS[3:], tmp_path / "none.png")


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"x": "a", "y": "b", "colour": "c"}, "it has kind"), ({"kind": "pie", "x": "a", "y": "b"}, "line or scatter"),
     ({"x": "a"}, "figure.y"), ({"x": "a", "y": "b", "lgo_x": 1}, "did you mean log_x")],
)  # fmt: skip
def test_what_is_wrong_is_named(asked, said):
    with pytest.raises(ValueError, match=said):
        check(asked)
