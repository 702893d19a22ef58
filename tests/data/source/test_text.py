"""The user's own files."""

from __future__ import annotations

import pytest

from lmlab.data.source.text import Text


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.jsonl").write_text('{"text": "two", "body": "three"}\n')
    return tmp_path


def read(source: Text) -> list[str]:
    return [piece.text for piece in source.pieces()]


def test_a_folder_of_several_kinds(folder):
    assert read(Text(paths=[str(folder)], field=None)) == ["one\n", "two"]
    assert read(Text(paths=str(folder), field="body")) == ["one\n", "three"]


def test_a_field_without_effect_is_refused(folder):
    with pytest.raises(ValueError, match=r"data.source.field=body has no effect"):
        read(Text(paths=str(folder / "a.txt"), field="body"))


def test_the_size_is_known_for_plain_files_only(folder):
    assert Text(paths=str(folder / "a.txt"), field=None).size_bytes() == 4
    assert Text(paths=str(folder), field=None).size_bytes() is None


def test_the_fingerprint_is_of_the_text_not_of_where_it_is(folder, tmp_path_factory):
    def fingerprint(path):
        return Text(paths=str(path), field=None).fingerprint(folder)

    other = tmp_path_factory.mktemp("other") / "x.txt"
    other.write_text("one\n")
    assert fingerprint(other) == fingerprint(folder / "a.txt")
    other.write_text("One\n")
    assert fingerprint(other) != fingerprint(folder / "a.txt")


def test_real_speeches_are_a_document_each(text_folder):
    source = Text(paths=str(text_folder / "state_union"), field=None)
    pieces = list(source.pieces())
    assert sum(piece.opens for piece in pieces) == len(source.files) == 41
