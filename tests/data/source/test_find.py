"""From what a person writes to files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.data.source.find import find_files, kind


@pytest.fixture
def books(tmp_path, monkeypatch) -> Path:
    for name in ("b.txt", "a.txt.gz", "sub/c.md", "sub/d.jsonl", ".hidden/e.txt", "f.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*paths: str) -> list[str]:
    return [path.name for path in find_files(paths)]


def test_the_kind_is_the_suffix_before_gz():
    assert [kind(Path(name)) for name in ("a.txt", "A.TXT.gz", "a.b.jsonl.gz", "gz")] == [
        ".txt",
        ".txt",
        ".jsonl",
        "",
    ]


def test_a_folder_gives_its_text_files_by_name(books):
    assert names(str(books)) == names(".") == ["a.txt.gz", "b.txt", "c.md", "d.jsonl"]


def test_files_come_as_named_and_none_twice(books):
    assert names("sub/c.md", "*.txt*", "b.txt", "**/*.md") == ["c.md", "a.txt.gz", "b.txt"]


def test_a_missing_path_names_the_nearest(books):
    with pytest.raises(ValueError, match=r"data.source.paths=sub/c.mb: .* did you mean sub/c.md\?"):
        names("sub/c.mb")
    with pytest.raises(ValueError, match=r"did you mean sub\?"):
        names("sup/c.md")
    with pytest.raises(ValueError, match=r"has \.hidden, a\.txt\.gz"):
        names("zzzzzzz")


@pytest.mark.parametrize("text", ["empty", "*.doc"])
def test_a_folder_or_glob_without_text_is_refused(books, text):
    (books / "empty").mkdir()
    with pytest.raises(ValueError, match="has no text file"):
        names(text)


def test_an_unknown_kind_and_nothing_at_all_are_refused(books):
    with pytest.raises(ValueError, match=r"f.png is not one of .txt, .md"):
        names("f.png")
    with pytest.raises(ValueError, match="names no file"):
        names()
