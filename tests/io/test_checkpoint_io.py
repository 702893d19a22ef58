"""What Lightning saves and gets back, and what is refused."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lmlab.io import checkpoint
from lmlab.io.checkpoint import CheckpointError, verify
from lmlab.io.checkpoint_io import FolderCheckpointIO
from lmlab.io.plain import NotPlainError
from tests.io.tiny import saved

IO = FolderCheckpointIO()


def test_a_checkpoint_there_and_back(tmp_path: Path) -> None:
    target = saved(tmp_path, 7, num_values=2, nested=[{"a": (1, None)}])
    assert {path.name for path in target.iterdir()} == {
        "model.safetensors",
        "trainer.pt",
        "config.yaml",
        "manifest.json",
    }
    assert (tmp_path / "last").read_text() == "step-00000007\n"
    assert verify(target)["versions"].keys() == {"lmlab", "torch", "lightning"}
    found = IO.load_checkpoint(target)
    assert found["state_dict"]["arch.weight"].tolist() == [7.0, 7.0]
    assert found["state"]["momentum"].tolist() == [0.5, 0.5]
    assert found["nested"] == [{"a": (1, None)}]
    assert found["config"] == (target / "config.yaml").read_text() == "seed: 0\n"


def test_the_constructors_config_text_is_used_where_the_checkpoint_brings_none(
    tmp_path: Path,
) -> None:
    FolderCheckpointIO(config_text="a: 1\n").save_checkpoint({"state_dict": {}}, tmp_path / "x")
    assert (tmp_path / "x" / "config.yaml").read_text() == "a: 1\n"


def test_a_value_that_is_not_plain_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(NotPlainError, match=r"checkpoint\['bad'\] is a builtins.object"):
        saved(tmp_path / "checkpoints", 1, bad=object())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["https://x.org/a.ckpt", "s3://b/a", "hf://m", "file:///tmp/x"])
def test_addresses_are_refused(path: str) -> None:
    with pytest.raises(CheckpointError, match="local folders only"):
        IO.load_checkpoint(path)


def test_there_is_no_unsafe_way(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="weights_only=True"):
        IO.load_checkpoint(saved(tmp_path, 1), weights_only=False)
    with pytest.raises(CheckpointError, match="no manifest"):
        IO.load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"checkpoint\.keep"):
        IO.remove_checkpoint(tmp_path)


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def pickled(value: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(value))


def old_torch_format(value: Any, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


WAYS: dict[str, Callable[[Any, Path], None]] = {
    "torch": lambda value, path: torch.save(value, path),
    "torch_nested": lambda value, path: torch.save({"callbacks": {"a": [value]}}, path),
    "torch_old_format": old_torch_format,
    "pickle": pickled,
    "pickle_in_dict": lambda value, path: pickled({"loops": value}, path),
    "whole_module": lambda value, path: torch.save({"m": torch.nn.Linear(1, 1), "x": value}, path),
}


def reseal(folder: Path) -> None:
    """A manifest that fits the files: it proves integrity, not who wrote it."""
    body = _body(folder)
    body["files"] = checkpoint._digests(folder, sorted(body["files"]))
    (folder / "manifest.json").write_text(checkpoint._sealed(body))


def _body(folder: Path) -> dict[str, Any]:
    return checkpoint._manifest(folder)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["trainer.pt", "model.safetensors"])
@pytest.mark.parametrize("sealed", [True, False], ids=["resealed", "only_replaced"])
def test_a_malicious_file_runs_nothing(tmp_path: Path, way: str, name: str, sealed: bool) -> None:
    """R28: no marker, no unsafe fall-back."""
    target, marker = saved(tmp_path, 1), tmp_path / "marker"
    WAYS[way](Payload(marker), target / name)
    if sealed:
        reseal(target)
        verify(target)
    with pytest.raises(CheckpointError):
        IO.load_checkpoint(target)
    assert not marker.exists()


def test_the_payload_would_have_worked(tmp_path: Path) -> None:
    torch.save(Payload(tmp_path / "marker"), tmp_path / "x")
    torch.load(tmp_path / "x", weights_only=False)
    assert (tmp_path / "marker").exists()


def test_a_checkpoint_must_be_a_dict_and_complete(tmp_path: Path) -> None:
    target = saved(tmp_path, 1)
    torch.save([1], target / "trainer.pt")
    reseal(target)
    with pytest.raises(CheckpointError, match="holds a list"):
        IO.load_checkpoint(target)
    body = _body(target)
    del body["files"]["config.yaml"]
    (target / "manifest.json").write_text(checkpoint._sealed(body))
    with pytest.raises(CheckpointError, match=r"config.yaml not in the manifest"):
        IO.load_checkpoint(target)
