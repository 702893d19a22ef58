"""What is done about a GGUF file; that its weights are right is tested in tests/weights."""

from __future__ import annotations

import sys

import pytest

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.hf.gguf import unpacked


def test_a_folder_without_one_or_with_a_config_is_taken_as_it_is(tmp_path):
    assert unpacked(tmp_path) == tmp_path
    (tmp_path / "a.gguf").touch()
    (tmp_path / "config.json").touch()
    assert unpacked(tmp_path) == tmp_path


def test_several_files_or_no_package_to_read_one_are_said(tmp_path, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "gguf", None)
    (tmp_path / "a.gguf").touch()
    with pytest.raises(CheckpointError, match=r"needs gguf; pip install 'lmlab\[weights\]'"):
        unpacked(tmp_path)
    assert not [path for path in (tmp_path / "cache" / "gguf").iterdir() if path.is_dir()]
    (tmp_path / "b.gguf").touch()
    with pytest.raises(CheckpointError, match="several GGUF files"):
        unpacked(tmp_path)
