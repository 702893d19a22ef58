"""Safetensors files with tied tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.tensors import read_tensors, write_tensors


def test_two_tensors_by_hand(tmp_path: Path) -> None:
    tensors = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[3]], dtype=torch.int64)}
    write_tensors(tmp_path / "x.safetensors", tensors)
    found = read_tensors(tmp_path / "x.safetensors")
    assert found["a"].tolist() == [1.0, 2.0] and found["b"].tolist() == [[3]]
    assert load_file(tmp_path / "x.safetensors").keys() == {"a", "b"}


def test_tied_tensors_are_stored_once_and_come_back_under_each_name(tmp_path: Path) -> None:
    weight = torch.arange(1000.0)
    write_tensors(tmp_path / "x", {"z": weight, "a": weight, "m": weight.detach()})
    assert (tmp_path / "x").stat().st_size < 4500
    found = read_tensors(tmp_path / "x")
    assert found.keys() == {"z", "a", "m"}
    assert all(torch.equal(tensor, weight) for tensor in found.values())


def test_views_of_one_storage_are_stored_apart(tmp_path: Path) -> None:
    base = torch.arange(6.0).reshape(2, 3)
    tensors = {"base": base, "row": base[1], "turned": base.T, "again": base.reshape(6)}
    write_tensors(tmp_path / "x", tensors)
    found = read_tensors(tmp_path / "x")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.bool])
def test_types_and_empty_and_scalar_tensors(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {
        "scalar": torch.ones((), dtype=dtype),
        "none": torch.zeros(0, 3, dtype=dtype),
        "none too": torch.zeros(0, 3, dtype=dtype),
    }
    write_tensors(tmp_path / "x", tensors)
    found = read_tensors(tmp_path / "x")
    for name, tensor in tensors.items():
        assert found[name].dtype == dtype and torch.equal(found[name], tensor)


def test_other_colleagues_may_read_the_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write_tensors(tmp_path / "x", {"a": torch.ones(1)})
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


def test_what_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        read_tensors(tmp_path / "x")
    with pytest.raises(CheckpointError, match="no tensor"):
        write_tensors(tmp_path / "y", {"a": 1})  # type: ignore[dict-item]
