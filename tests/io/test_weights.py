"""Starting a run from the weights of another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.origin import find_folder
from lmlab.io.weights import (
    load_into,
    load_weights,
    mismatch,
    with_missing,
    with_vocabulary,
)
from tests.conftest import small_gpt
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


def test_a_larger_vocabulary_keeps_old_rows_and_a_smaller_one_the_first() -> None:
    old = {"token_embedding.weight": torch.ones(3, 2), "unembedding.bias": torch.ones(3)}
    larger = {name: torch.zeros(5, *value.shape[1:]) for name, value in old.items()}
    found, said = with_vocabulary(larger, old)
    assert found["token_embedding.weight"].tolist() == [[1, 1]] * 3 + [[0, 0]] * 2
    assert found["unembedding.bias"].tolist() == [1, 1, 1, 0, 0]
    assert said == "vocabulary of 3 tokens, here 5: 2 new rows"
    back, said = with_vocabulary(old, larger)
    assert back["token_embedding.weight"].tolist() == [[0, 0]] * 3
    assert said == "vocabulary of 5 tokens, here 3: its first 3 rows"


def test_other_weights_and_widths_are_not_resized() -> None:
    old = {"token_embedding.weight": torch.ones(3, 2), "blocks.weight": torch.ones(3, 2)}
    new = {"token_embedding.weight": torch.ones(5, 4), "blocks.weight": torch.ones(5, 2)}
    found, said = with_vocabulary(new, old)
    assert found == old and said == ""


def test_tied_weights_are_one_after_the_vocabulary_grew() -> None:
    small, large = small_gpt(), small_gpt(vocab_size=63)
    before = large.token_embedding.weight.clone()
    weights, _ = with_vocabulary(large.state_dict(), small.state_dict())
    large.load_state_dict(weights)
    assert large.unembedding.weight is large.token_embedding.weight
    wanted = torch.cat((small.token_embedding.weight, before[61:]))
    assert torch.equal(large.unembedding.weight, wanted)


def test_only_the_optional_part_may_be_missing() -> None:
    expected = {"head.weight": torch.zeros(1), "body.weight": torch.zeros(1)}
    found, said = with_missing(expected, {}, ("head.",))
    assert set(found) == {"head.weight"} and said == ["head as initialised"]
    assert with_missing(expected, {}, ()) == ({}, [])


def test_the_newest_run_of_a_kind(run: Path) -> None:
    (run / "config.yaml").write_text("choices: {stage: sft, arch: tiny}\n")
    (run / "run.json").write_text(json.dumps({"status": "finished"}))
    arch = Arch()
    assert load_into(arch, "latest:stage=sft,arch=tiny", run.parent) == "first/step-00000003"
