from __future__ import annotations

import pytest

from lmlab.scaling.read import read_curves, read_points


def write(tmp_path, text):
    path = tmp_path / "grid.csv"
    path.write_text(text)
    return path


def test_a_csv_becomes_points(tmp_path):
    path = write(
        tmp_path, "params,tokens,loss,flops\n1e6,2e7,4.5,1.3e14\n2_000_000,1e7,4.25,1.2e14\n"
    )
    points = read_points(path)
    assert points.params.tolist() == [1e6, 2e6] and points.flops.tolist() == [1.3e14, 1.2e14]


def test_other_names_of_columns(tmp_path):
    path = write(tmp_path, "size,tokens,val/loss_nats\n10,20,3\n")
    points = read_points(path, {"params": "size", "loss": "val/loss_nats"})
    assert points.loss.tolist() == [3.0] and points.flops.tolist() == [1200.0]


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        ("params,tokens\n1,2\n", {}, "no column 'loss'"),
        ("params,tokens,loss\n1,2,x\n", {}, "line 2, column 'loss': 'x' is no number"),
        ("params,tokens,loss\n1,2,3\n1,-2,3\n", {}, "line 3, column 'tokens'.*above 0"),
        ("params,tokens,loss\n1,2\n", {}, "line 2, column 'loss'"),
        ("params,tokens,loss\n", {}, "no rows"),
        ("params,tokens,loss\n1,2,3\n", {"flops": "C"}, "no column 'C'"),
        ("params,tokens,loss\n1,2,3\n", {"size": "N"}, "'size' is none of"),
    ],
)
def test_a_mistake_is_named_with_its_row_and_column(tmp_path, text, names, message):
    with pytest.raises(ValueError, match=message):
        read_points(write(tmp_path, text), names)


def test_a_missing_file():
    with pytest.raises(ValueError, match="is not a file"):
        read_points("nowhere.csv")


def test_curves_are_grouped_by_run_and_sorted(tmp_path):
    text = "run,params,tokens,loss\na,10,200,3\na,10,100,4\nb,20,100,5\n"
    first, second = read_curves(write(tmp_path, text))
    assert first.params == 10 and first.tokens.tolist() == [100, 200]
    assert first.loss.tolist() == [4, 3] and second.params == 20


def test_a_run_has_one_size(tmp_path):
    with pytest.raises(ValueError, match="line 3: params of run 'a' changed"):
        read_curves(write(tmp_path, "run,params,tokens,loss\na,10,1,3\na,11,2,3\n"))
