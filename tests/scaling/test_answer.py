from __future__ import annotations

import csv

from matplotlib.figure import Figure

from lmlab.scaling.answer import Answer, write_csv


def test_every_answer_has_its_own_tables():
    first, second = Answer("a", {}), Answer("b", {})
    first.tables["x"] = [{"y": 1}]
    assert second.tables == {} and first.figures == {}


def test_csv(tmp_path):
    path = write_csv(tmp_path / "x.csv", [{"a": 1, "b": "x, y"}])
    assert list(csv.DictReader(path.open())) == [{"a": "1", "b": "x, y"}]


def test_the_report_its_tables_and_its_figures_are_files(tmp_path):
    answer = Answer(
        "# found",
        {},
        figures={"curve": Figure()},
        tables={"rows": [{"a": 1}], "none": []},
    )
    files = answer.save(tmp_path / "made")
    assert [path.name for path in files] == ["report.md", "rows.csv", "curve.png", "curve.pdf"]
    assert files[0].read_text() == "# found" and files[1].read_text().split() == ["a", "1"]
    assert files[2].read_bytes()[1:4] == b"PNG" and files[3].read_bytes()[:4] == b"%PDF"
