from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.sweep.answers import answers
from lmlab.sweep.result import Result
from lmlab.track.folder import write_json


def answered(folder: Path, text: str = "**Chinchilla.**", *files: str) -> Path:
    """A run's folder with a report, these files, and what every such run has beside them."""
    (folder / "track" / "files").mkdir(parents=True)
    (folder / "report.md").write_text(text)
    write_json(folder / "run.json", {"status": "finished"})
    for name in ("config.yaml", *files):
        (folder / name).write_text(f"{name} of {folder.name}")
    return folder


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    (tmp_path / "sweep").mkdir()
    return tmp_path / "sweep"


def test_all_that_a_finished_job_wrote_is_the_sweeps_too(tmp_path, sweep):
    files = ["isoflop.png", "isoflop.pdf", "points.csv", "metrics.json", "track/files/points.json"]
    law = answered(tmp_path / "law", "**Chinchilla.**", *files)
    results = [
        Result("stage=scaling_law", "finished", law, metrics={"scaling/size_exponent": 0.49}),
        Result("stage=plan", "failed", answered(tmp_path / "failed")),
        Result("arch=gpt_1m", "finished", tmp_path, metrics={"val/loss_nats": 2.0}),
        Result("arch=gpt_3m", "waiting", None),
    ]
    found = answers(results, sweep)
    assert found.note == ["## stage=scaling_law", "", "**Chinchilla.**", ""]
    assert sorted(found.files) == sorted([*(Path(name).name for name in files), "report.md"])
    assert (sweep / "isoflop.png").read_text() == "isoflop.png of law"
    assert (sweep / "points.json").is_file() and not (sweep / "run.json").exists()
    assert found.metrics == {"scaling/size_exponent": 0.49}


def test_files_of_one_name_get_the_names_of_their_runs(tmp_path, sweep):
    one = answered(tmp_path / "one", "", "curves.png", "figure.png", "own.csv")
    two = answered(tmp_path / "two", "", "curves.png")
    both = [
        Result("a", "finished", one, metrics={"plan/days": 1.0, "plan/x": 3.0}),
        Result("b", "finished", two, metrics={"plan/days": 2.0}),
    ]
    found = answers(both, sweep, taken=["figure.png"])
    reports = ["one-report.md", "two-report.md"]
    figures = ["one-curves.png", "two-curves.png", "one-figure.png"]
    assert sorted(found.files) == sorted([*reports, *figures, "own.csv"])
    assert (sweep / "two-curves.png").read_text() == "curves.png of two"
    assert not (sweep / "figure.png").exists()
    assert found.metrics == {"plan/x": 3.0}


def test_a_report_stands_under_a_link_to_its_run(tmp_path, sweep):
    folder = answered(tmp_path / "law")
    write_json(folder / "run.json", {"mlflow_run_id": "r1", "experiment_id": "2"})
    found = answers([Result("law", "finished", folder)], sweep)
    assert found.note[0] == "## [law](#/experiments/2/runs/r1)"
