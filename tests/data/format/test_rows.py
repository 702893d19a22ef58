"""Rows of every kind of table, and what is said of a broken one."""

from __future__ import annotations

import gzip
import json

import pytest

from lmlab.data.format.rows import find_tables, is_saved, kind, read_hub, read_rows, read_text

ROWS = [{"prompt": "a", "completion": "b"}, {"prompt": "c\nd", "completion": "é"}]


def write_all(folder):
    """The same rows in every kind of file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = "\n".join(map(json.dumps, ROWS))
    (folder / "a.jsonl").write_text(lines + "\n\n")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "c.json").write_text(json.dumps(ROWS))
    (folder / "d.json").write_text(json.dumps({"version": 1, "data": ROWS}))
    (folder / "e.csv").write_bytes(b'\xef\xbb\xbfprompt,completion\r\na,b\r\n"c\nd",\xc3\xa9\r\n')
    (folder / "f.tsv").write_text('prompt\tcompletion\na\tb\n"c\nd"\té\n')
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "g.parquet")
    (folder / "readme.md").write_text("no table")


def test_every_kind_gives_the_same_rows(tmp_path):
    write_all(tmp_path)
    tables = find_tables([str(tmp_path)], "data.source.paths")
    assert [kind(path) for path in tables] == [
        ".jsonl",
        ".jsonl",
        ".json",
        ".json",
        ".csv",
        ".tsv",
        ".parquet",
    ]
    for path in tables:
        assert [dict(row) for _, row in read_rows(path)] == ROWS, path
    where = [where for where, _ in read_rows(tables[0])]
    assert where == [f"{tables[0]} line 1", f"{tables[0]} line 2"]


def test_globs_and_files_are_found_once(tmp_path):
    write_all(tmp_path)
    found = find_tables([str(tmp_path / "*.jsonl"), str(tmp_path / "a.jsonl")], "x")
    assert [path.name for path in found] == ["a.jsonl"]
    with pytest.raises(ValueError, match=r"data\.source\.paths=.*nothing.*no \.jsonl"):
        find_tables([str(tmp_path / "nothing")], "data.source.paths")


def test_a_saved_data_set_is_one_table(tmp_path):
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "saved"
    datasets.Dataset.from_list(ROWS).save_to_disk(str(folder))
    assert is_saved(folder) and find_tables([str(folder)], "x") == [folder]
    assert [dict(row) for _, row in read_rows(folder)] == ROWS
    both = datasets.DatasetDict({"test": datasets.Dataset.from_list(ROWS[:1])})
    both.save_to_disk(str(tmp_path / "splits"))
    assert len(list(read_rows(tmp_path / "splits"))) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": ', "a.jsonl line 2 is not JSON"),
        ("a.jsonl", b"[1]", "line 1 is not an object but list"),
        ("a.json", b"{", "a.json is not JSON"),
        ("a.json", b'{"x": 1}', "holds no list of rows; its keys are x"),
        ("a.json", b"[1]", "row 1 is not an object but int"),
        ("a.jsonl.gz", b"no gzip", "not a whole gzip file"),
        ("a.jsonl", b"\xff\xfe", "not UTF-8"),
        ("a.parquet", b"PAR1", "not a parquet file"),
    ],
)
def test_broken_files(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        list(read_rows(tmp_path / name))


def test_text_is_unpacked_without_its_mark(tmp_path):
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfhi"))
    assert read_text(tmp_path / "a.json.gz") == "hi"


def test_a_hub_name_that_cannot_be_loaded(monkeypatch):
    datasets = pytest.importorskip("datasets")
    asked = []

    def load(name, config, split):
        asked.append((name, config, split))
        if config:
            raise RuntimeError("no such configuration\nmore")
        return ROWS

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert [row for _, row in read_hub("hf:me/chat", "train")] == ROWS
    with pytest.raises(ValueError, match="hf:me/chat/big could not be loaded: no such config"):
        list(read_hub("hf:me/chat/big", "test"))
    assert asked == [("me/chat", None, "train"), ("me/chat", "big", "test")]


def test_only_a_line_feed_ends_a_json_line(tmp_path):
    odd = "a\u2028b\u2029c\x85d\x0be"
    text = "".join(
        f"{json.dumps({'t': odd}, ensure_ascii=False)}{end}" for end in ("\n", "\r\n", "")
    )
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8", newline="")
    rows = list(read_rows(tmp_path / "a.jsonl"))
    assert [row for _, row in rows] == [{"t": odd}] * 3 and rows[2][0].endswith("line 3")
