"""Where published weights lie."""

from __future__ import annotations

import sys

import pytest

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.hf.fetch import WANTED, fetch


def test_a_folder_is_taken_as_it_is(tmp_path):
    assert fetch(f"hf:{tmp_path}") == tmp_path


def test_a_name_on_the_hub_is_downloaded_without_pickles(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []
    monkeypatch.setattr(
        hub, "snapshot_download", lambda name, **how: asked.append((name, how)) or str(tmp_path)
    )
    assert fetch("hf:owner/some-model.v2") == tmp_path
    assert asked == [("owner/some-model.v2", {"allow_patterns": WANTED})]
    assert not any("bin" in pattern or "py" in pattern for pattern in WANTED)


def test_without_network_or_package_it_says_what_would_do(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def fails(name, **how):
        raise OSError("no route to host")

    monkeypatch.setattr(hub, "snapshot_download", fails)
    with pytest.raises(CheckpointError, match="no route to host.*give its folder"):
        fetch("hf:owner/model")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match="pip install huggingface_hub"):
        fetch("hf:owner/model")


@pytest.mark.parametrize("name", ["/no/such/folder", "a/b/c", "../up", "~/nowhere"])
def test_a_missing_folder_is_no_name(name):
    with pytest.raises(CheckpointError, match="there is no folder"):
        fetch(f"hf:{name}")
