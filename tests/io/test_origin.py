"""What init_from can name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.origin import find_folder, find_latest, find_origin


def made(root: Path, name: str, status: str | None = "finished", **choices: Any) -> Path:
    folder = root / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last").write_text("step-00000001\n")
    (folder / "config.yaml").write_text(yaml.safe_dump({"choices": choices}))
    if status is not None:
        (folder / "run.json").write_text(json.dumps({"status": status, "mlflow_run_id": name[-3:]}))
    return folder


def test_the_newest_finished_run_of_these_options(tmp_path):
    old = made(tmp_path, "20260101-000000-a", stage="sft", arch="gpt_tiny")
    new = made(tmp_path, "20260102-000000-b", stage="sft", arch="gpt_tiny")
    made(tmp_path, "20260103-000000-c", "interrupted", stage="sft", arch="gpt_tiny")
    pretrained = made(tmp_path, "20260104-000000-d", stage="pretrain", arch="gpt_tiny")
    for wanted, found in (
        ("stage=sft,arch=gpt_tiny", new),
        ("stage=sft", new),
        ("arch=gpt_tiny", pretrained),
    ):
        assert find_folder(f"latest:{wanted}", tmp_path) == found
        assert find_origin(f"latest:{wanted}", tmp_path) == found
    assert old.is_dir()


def test_of_two_of_one_second_the_later_written_one(tmp_path):
    import os

    first, second = (made(tmp_path, f"20260101-000000-{n}", stage="rm") for n in "ba")
    os.utime(first / "config.yaml", (1, 1))
    assert find_latest("latest:stage=rm", tmp_path) == second


def test_a_run_without_tracking_counts_by_its_checkpoint(tmp_path):
    run = made(tmp_path, "20260101-000000-a", None, stage="sft")
    assert find_latest("latest:stage=sft", tmp_path) == run
    (run / "checkpoints" / "last").unlink()
    with pytest.raises(CheckpointError, match="no finished runs at all"):
        find_latest("latest:stage=sft", tmp_path)


def test_what_there_is_instead_is_said(tmp_path):
    made(tmp_path, "20260101-000000-a", stage="pretrain", arch="gpt_tiny")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.yaml").write_text("[")
    with pytest.raises(CheckpointError, match="the newest are stage=pretrain"):
        find_latest("latest:stage=sft", tmp_path)


@pytest.mark.parametrize("text", ["latest:", "latest:sft", "latest:stage=", "latest:stage=a,b"])
def test_other_spellings_are_refused(text, tmp_path):
    with pytest.raises(CheckpointError, match="write latest:GROUP=OPTION"):
        find_latest(text, tmp_path)


def test_published_weights_are_their_folder(tmp_path):
    assert find_origin(f"hf:{tmp_path}", tmp_path / "runs") == tmp_path
