"""Fixtures of the tests of configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.config.place import Places, shipped
from tests.config.fake import make_tree


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A small complete tree in a fresh working directory."""
    made = make_tree(tmp_path, shipped("conf") / "config.yaml")
    monkeypatch.setenv("LMLAB_ALLOW", "fakelab")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made
