"""Data sets through the package `datasets`, offline."""

from __future__ import annotations

import builtins
import json

import pytest

from lmlab.data.source.hugging_face import HuggingFace


def make(name, **changes):
    keys = {
        "name": str(name),
        "config": None,
        "split": "train",
        "field": "text",
        "revision": None,
        "streaming": False,
        "max_documents": None,
    }
    return HuggingFace(**(keys | changes))


@pytest.fixture
def rows(tmp_path, monkeypatch):
    pytest.importorskip("datasets", reason="needs lmlab[hf]")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    path = tmp_path / "data" / "rows.jsonl"
    path.parent.mkdir()
    texts = ["one", "", "two", "three"]
    path.write_text("".join(json.dumps({"text": text, "n": 1}) + "\n" for text in texts))
    return path


def read(source):
    return [piece.text for piece in source.pieces()]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_local_file_or_folder_needs_no_network(rows, streaming):
    assert read(make(rows, streaming=streaming)) == ["one", "two", "three"]
    assert read(make(rows.parent, streaming=streaming)) == ["one", "two", "three"]


def test_a_saved_data_set_is_read_back(rows, tmp_path):
    import datasets

    datasets.Dataset.from_dict({"text": ["saved"]}).save_to_disk(str(tmp_path / "saved"))
    assert read(make(tmp_path / "saved")) == ["saved"]


def test_max_documents_is_a_limit(rows):
    assert read(make(rows, max_documents=3)) == ["one", "two"]


def test_what_is_not_there_is_told_with_what_is(rows, tmp_path):
    with pytest.raises(ValueError, match=r"data.source.field=body is not in .*; it has text, n"):
        read(make(rows, field="body"))
    with pytest.raises(ValueError, match=r"data.source.field=n .* holds int"):
        read(make(rows, field="n"))
    with pytest.raises(ValueError, match=r"split=nope could not be loaded"):
        read(make(rows, split="nope"))
    with pytest.raises(ValueError, match=r"data.source.name=no/such.* no local file"):
        read(make("no/such"))
    with pytest.raises(ValueError, match=r"data.source.max_documents=0"):
        make(rows, max_documents=0)


def test_the_fingerprint_of_local_data_is_of_their_content(rows, tmp_path):
    before = make(rows).fingerprint(tmp_path)
    assert make(rows).fingerprint(tmp_path) == before != make(rows, field="n").fingerprint(tmp_path)
    rows.write_text('{"text": "other"}\n')
    assert make(rows).fingerprint(tmp_path) != before


def test_without_the_package_the_extra_is_named(monkeypatch, tmp_path):
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ValueError, match=r"pip install 'lmlab\[hf\]'"):
        read(make("a/b"))
