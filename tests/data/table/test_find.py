from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.data.table.find import Found, class_names, find


@pytest.fixture
def folder(tmp_path):
    for name in ("rt-polarity.neg", "rt-polarity.pos", "README.txt", ".hidden"):
        (tmp_path / name).write_text("a\n")
    return tmp_path


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["rt-polarity.neg", "rt-polarity.pos"], ["neg", "pos"]),
        (["plot.tok.gt9.5000", "quote.tok.gt9.5000"], ["plot", "quote"]),
        (["good.txt", "bad.txt"], ["good", "bad"]),
        (["a/x.txt", "b/x.txt"], ["a/x.txt", "b/x.txt"]),
    ],
)
def test_a_class_is_called_what_the_names_do_not_share(files, names):
    assert class_names([Path(name) for name in files]) == names


def test_files_of_a_folder_are_classes(folder):
    found = find(str(folder), "data.source.paths")
    assert [(each.path.name, each.label) for each in found] == [
        ("rt-polarity.neg", "neg"),
        ("rt-polarity.pos", "pos"),
    ]


def test_a_mapping_names_the_classes(folder):
    paths = {"bad": str(folder / "rt-polarity.neg"), "good": str(folder / "rt-polarity.pos")}
    assert [each.label for each in find(paths, "s")] == ["bad", "good"]
    with pytest.raises(ValueError, match="s=nowhere: there is no such file"):
        find({"bad": "nowhere"}, "s")


def test_tables_and_data_sets(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    (tmp_path / "b.jsonl.gz").write_text("")
    assert find(str(tmp_path), "s") == [Found(tmp_path / "a.csv"), Found(tmp_path / "b.jsonl.gz")]
    assert find([str(tmp_path / "*.csv"), "hf:glue"], "s")[1] == Found("hf:glue")


def test_a_folder_with_both_sides_of_a_split_is_refused(tmp_path):
    for name in ("labels.json", "test.csv", "train.csv"):
        (tmp_path / name).write_text("text,label\n")
    with pytest.raises(ValueError, match=r"paths=\S+/train.csv data.source.validation_paths=\S+/t"):
        find(str(tmp_path), "s")


def test_one_class_or_two_kinds_are_refused(folder):
    with pytest.raises(ValueError, match="one class needs another"):
        find(str(folder / "rt-polarity.neg"), "s")
    (folder / "a.csv").write_text("text,label\n")
    with pytest.raises(ValueError, match="both tables and"):
        find([str(folder / "a.csv"), str(folder / "rt-polarity.neg")], "s")
    with pytest.raises(ValueError, match="s=nowhere"):
        find("nowhere", "s")
