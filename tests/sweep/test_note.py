from __future__ import annotations

from pathlib import Path

from lmlab.sweep.note import MAX_LETTERS, figures, fitted, linked
from lmlab.sweep.report import markdown, table_rows
from lmlab.sweep.result import Result
from lmlab.track.folder import write_json

TABLE = ["| job |", "| --- |"]


def test_a_short_page_is_the_lines_in_their_order():
    assert fitted(["a"], [*TABLE, "| 1 |"], ["z"]) == "a\n| job |\n| --- |\n| 1 |\n\nz"


def test_of_a_long_table_the_first_rows_stay():
    text = fitted(["a"], [*TABLE, *(f"| {n} {'x' * 90} |" for n in range(200))], ["z"])
    assert len(text) <= MAX_LETTERS and text.endswith("z") and "| 70 x" in text
    shown = sum(line.endswith("x |") for line in text.splitlines())
    assert f"and {200 - shown} more, in the artifact table.json" in text


def test_a_long_report_is_cut_with_a_word():
    rows = [f"| {number} |" for number in range(29)]
    text = fitted(["line " * 20] * 200, [*TABLE, *rows], ["z"])
    assert len(text) <= MAX_LETTERS and "(cut; all of it is in the artifacts)" in text
    shown = [row for row in rows if row in text.splitlines()]
    assert shown == rows[: len(shown)] and len(shown) >= 5 and text.endswith("z")
    assert f"and {29 - len(shown)} more, in the artifact table.json" in text


def test_a_sweep_of_29_jobs_shows_its_report_and_the_rows_that_fit(tmp_path):
    results = []
    for number in range(29):
        folder = tmp_path / f"run-{number}"
        folder.mkdir()
        write_json(folder / "run.json", {"mlflow_run_id": f"{number:032x}", "experiment_id": "1"})
        name = f"budget.flops=4.5e+12 batch.tokens=2048 arch=gpt_{number}k"
        metrics = {"val/loss_nats": 1.9, "progress/flops": 4.5e12, "progress/tokens": 4e7}
        sizes = {"params/non_embedding": 32112.0, "val/bits_per_byte": 2.7}
        results.append(Result(name, "finished", folder, metrics=metrics | sizes))
    report = ["word " * 20] * 33  # as long as that of a scaling law
    text = fitted(report, markdown(linked(table_rows(results), results)), [])
    assert MAX_LETTERS - 250 < len(text) <= MAX_LETTERS
    assert text.startswith("\n".join(report)) and "(cut" not in text
    shown = text.count("](#/experiments/1/runs/")
    assert 20 < shown < 29 and f"and {29 - shown} more, in the artifact table.json" in text


def test_jobs_are_links_and_figures_pictures_once_there_are_addresses(tmp_path: Path):
    rows = [{"job": "a", "val/x": 1.0, "run": "f"}, {"job": "b", "val/x": None, "run": ""}]
    results = [Result("a", "finished", tmp_path), Result("b", "waiting", None)]
    assert linked(rows, results)[0] == {"job": "a", "val/x": 1.0}
    assert figures(["table.json", "figure.png"], tmp_path) == []
    write_json(tmp_path / "run.json", {"mlflow_run_id": "r1", "experiment_id": "2"})
    assert linked(rows, results)[0]["job"] == "[a](#/experiments/2/runs/r1)"
    assert linked(rows, results)[1]["job"] == "b"
    assert figures(["table.json", "big_figure.png"], tmp_path) == [
        "![big figure](get-artifact?path=big_figure.png&run_uuid=r1)",
        "",
    ]
