"""Starting a run from the weights of another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.weights import find_folder, load_into, load_weights, mismatch
from tests.io.tiny import Arch, saved, train


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of three steps, with an MLflow run id."""
    run_dir = tmp_path / "runs" / "first"
    train(run_dir, False, steps=3)
    (run_dir / "run.json").write_text(json.dumps({"mlflow_run_id": "abc123"}))
    return run_dir


def test_names_lose_their_prefix_and_others_are_left_out(tmp_path: Path) -> None:
    state = {"arch.weight": torch.ones(2), "head.weight": torch.ones(3)}
    folder = saved(tmp_path / "checkpoints", 4, state_dict=state)
    for path in (folder, tmp_path):
        assert {name: len(value) for name, value in load_weights(path).items()} == {"weight": 2}


def test_every_way_to_name_a_run_gives_its_weights_and_origin(run: Path) -> None:
    for name in (str(run), str(run / "checkpoints" / "step-00000003"), "first", "abc123"):
        arch = Arch()
        assert load_into(arch, name, run.parent) == "first/step-00000003"
        for key, value in load_weights(run).items():
            assert torch.equal(arch.state_dict()[key], value)
    assert arch.unembedding.weight is arch.embedding.weight


def test_none_changes_nothing(tmp_path: Path) -> None:
    arch = Arch()
    before = arch.embedding.weight.clone()
    assert load_into(arch, None, tmp_path) is None
    assert torch.equal(arch.embedding.weight, before)


def test_what_does_not_fit_is_named(run: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_into(Arch(width=4), "first", run.parent)
    text = str(caught.value)
    assert (
        "init_from=first" in text and "embedding.weight: shape (12, 8) instead of (12, 4)" in text
    )


def test_mismatch_by_hand_and_at_most_8_lines() -> None:
    one, two = torch.ones(1), torch.ones(2)
    assert mismatch({"a": one, "b": one}, {"a": two, "c": one}) == [
        "a: shape (2,) instead of (1,)",
        "b: missing",
        "c: unexpected",
    ]
    assert mismatch({"a": one}, {"a": one}) == []
    lines = mismatch({str(number): one for number in range(20)}, {})
    assert len(lines) == 8 and lines[-1] == "and 13 more"


def test_a_damaged_checkpoint_is_not_used(run: Path) -> None:
    folder = run / "checkpoints" / "step-00000003"
    (folder / "model.safetensors").write_bytes(b"x")
    for path in (run, folder):
        with pytest.raises(CheckpointError, match=r"model.safetensors has 1 bytes"):
            load_weights(path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="init_from=nothing"):
        find_folder("nothing", tmp_path)
    with pytest.raises(CheckpointError, match="not named like a checkpoint"):
        load_weights(tmp_path)
    with pytest.raises(CheckpointError, match="no such folder"):
        load_weights(tmp_path / "nowhere")
    folder = saved(tmp_path, 1, state_dict={"head.weight": torch.ones(1)})
    with pytest.raises(CheckpointError, match="no architecture's weights"):
        load_weights(folder)
