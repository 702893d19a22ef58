"""A tracked run on a database of this machine."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import matplotlib.pyplot
import pytest
import torch
from mlflow import MlflowClient

from lmlab.track.run import MLflow
from tests.track.conftest import start_run


def history(client: MlflowClient, run: MLflow, key: str) -> list[tuple[int, float]]:
    assert run.run_id is not None
    return [(point.step, point.value) for point in client.get_metric_history(run.run_id, key)]


def test_what_is_logged_is_in_the_store(root: Path, client: MlflowClient) -> None:
    run = start_run(root, note="# a run", params={"seed": "0", "arch": "gpt_tiny"})
    run.log_metrics({"train/loss_nats": torch.tensor(2.5), "epoch": 0}, step=1)
    run.log_metrics({"train/loss_nats": math.nan}, step=2)
    figure, axes = matplotlib.pyplot.subplots()
    axes.plot([1, 2])
    run.log_figure(figure, "plots/loss.png")
    run.log_text("hello", "notes/hello.txt")
    run.log_table([{"prompt": "a", "text": "b"}, {"prompt": "c"}], "samples.json")
    run.set_tags({"verdict": "holds"})
    run.finalize("finished")

    assert run.run_id is not None and run.url is None and not run.waiting
    found = client.get_run(run.run_id)
    assert found.info.status == "FINISHED" and found.info.run_name == "first"
    assert found.data.metrics == {"train/loss_nats": 2.5}
    assert found.data.params == {"seed": "0", "arch": "gpt_tiny"}
    tags = found.data.tags
    assert tags["lmlab.not_finite"] == "train/loss_nats = nan at step 2"
    assert (tags["verdict"], tags["kind"], tags["mlflow.note.content"]) == (
        "holds",
        "run",
        "# a run",
    )
    files = {file.path for file in client.list_artifacts(run.run_id)}
    assert files == {"config.yaml", "notes", "plots", "samples.json"}
    place = Path(found.info.artifact_uri)
    assert place.is_relative_to(root / "artifacts")
    table = json.loads((place / "samples.json").read_text())
    assert table == {"columns": ["prompt", "text"], "data": [["a", "b"], ["c", None]]}
    known = json.loads((root / "first" / "run.json").read_text())
    assert known["mlflow_run_id"] == run.run_id and known["status"] == "finished"


@pytest.mark.parametrize(
    ("status", "there", "kept"),
    [("failed", "FAILED", "failed"), ("interrupted", "KILLED", "interrupted")],
)
def test_how_a_run_ended(
    status: str, there: str, kept: str, root: Path, client: MlflowClient
) -> None:
    run = start_run(root)
    run.finalize(status)
    assert run.run_id is not None and client.get_run(run.run_id).info.status == there
    assert json.loads((root / "first" / "run.json").read_text())["status"] == kept


def test_validation_after_the_end_of_fit_belongs_to_the_run(
    root: Path, client: MlflowClient
) -> None:
    run = start_run(root)
    run.finalize("success")  # Lightning, at the end of fit
    run.log_metrics({"val/loss_nats": 2.0}, 10)
    run.set_note("done")
    run.finalize("finished")
    assert history(client, run, "val/loss_nats") == [(10, 2.0)]
    found = client.get_run(str(run.run_id))
    assert found.info.status == "FINISHED" and found.data.tags["mlflow.note.content"] == "done"


def test_resume_keeps_the_run_and_adds_only_new_steps(root: Path, client: MlflowClient) -> None:
    first = start_run(root)
    for step in range(5):
        first.log_metrics({"a": float(step)}, step)
    first.finalize("interrupted")
    again = start_run(root, run_id=first.run_id, params={"seed": "0"})
    assert again.run_id == first.run_id
    for step in range(3, 8):  # the last checkpoint was at step 3
        again.log_metrics({"a": float(step)}, step)
    again.finalize("finished")
    assert history(client, again, "a") == [(step, float(step)) for step in range(8)]
    found = client.get_run(str(again.run_id))
    assert found.info.status == "FINISHED" and found.data.tags["lmlab.resumes"] == "1"
    assert not [tag for tag in found.data.tags if tag.endswith(".changed")]
    assert len(client.search_runs([found.info.experiment_id])) == 1


def test_a_parameter_changed_by_a_resume_becomes_a_tag(root: Path, client: MlflowClient) -> None:
    params = {"seed": "0", "budget.steps": "10"}
    first = start_run(root, params=params)
    first.finalize("finished")
    for steps in ("20", "30"):
        again = start_run(
            root, run_id=first.run_id, params=params | {"budget.steps": steps, "x": "1"}
        )
        again.finalize("finished")
    found = client.get_run(str(first.run_id))
    assert found.data.params == params | {"x": "1"}
    assert found.data.tags["lmlab.resume.1.changed"] == "budget.steps: 10 -> 20"
    assert found.data.tags["lmlab.resume.2.changed"] == "budget.steps: 10 -> 30"


def test_a_run_id_without_its_folder_is_continued(root: Path, client: MlflowClient) -> None:
    first = start_run(root)
    first.finalize("interrupted")
    other = start_run(root, name="elsewhere", run_id=first.run_id)
    other.log_metrics({"a": 1.0}, 1)
    other.finalize("finished")
    assert other.run_id == first.run_id and history(client, other, "a") == [(1, 1.0)]


def test_a_run_of_the_environment_does_not_confuse(
    root: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = start_run(root, name="other")
    other.finalize("finished")
    monkeypatch.setenv("MLFLOW_RUN_ID", str(other.run_id))
    run = start_run(root, parent_run_id=other.run_id)
    run.finalize("finished")
    assert run.run_id != other.run_id
    tags = client.get_run(str(run.run_id)).data.tags
    assert tags["mlflow.parentRunId"] == other.run_id


def test_nothing_that_goes_wrong_reaches_training(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = start_run(root)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            run.log_metrics({"a": object()}, 1)
            run.log_figure(None, "a.png")
            run.log_text("x", "../../up.txt")
            run.log_artifact("no such file")
    assert len(caplog.records) == 4  # each said once
    assert not (root.parent / "up.txt").exists()
    run.finalize("finished")


def test_a_full_disk_reaches_neither_training_nor_the_next_line(
    root: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run(root)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", _full)
        run.log_metrics({"a": 1.0}, 1)
    run.log_metrics({"a": 2.0}, 2)
    run.finalize("finished")
    assert history(client, run, "a") == [(2, 2.0)]


def _full(*args: object, **kwargs: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_password_in_the_address_is_written_nowhere(
    served: tuple[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = served[0].replace("http://", "http://me:canary-4711@")
    for name, address in (("there", uri), ("away", "http://me:canary-4711@127.0.0.1:9")):
        text = f"track:\n  uri: {address}\n"
        run = start_run(tmp_path, name=name, uri=address, config_text=text, note=f"from {address}")
        run.log_metrics({"a": 1.0}, 1)
        run.set_tags({"where": address})
        run.finalize("finished")
        assert "canary" not in f"{run.url} {run.store} {run.run_id}"
    out = capfd.readouterr()
    assert "canary" not in out.out + out.err
    files = [*tmp_path.rglob("*"), *served[1].rglob("*")]
    hits = [file for file in files if file.is_file() and b"canary" in file.read_bytes()]
    assert len(files) > 10 and hits == []


def test_lightning_takes_it_as_a_logger(root: Path) -> None:
    from lightning.pytorch.loggers import Logger

    run = start_run(root)
    run.finalize("success")
    assert isinstance(run, Logger) and run.name == "lmlab" and run.version == run.run_id
    assert run.save_dir == str(root / "first")
