from __future__ import annotations

import gzip
import json

import pytest

from lmlab.data.table.find import Found
from lmlab.data.table.labelled import Columns, Labelled
from lmlab.data.table.read import of_instance, read

PLAIN = Columns("text", None, "label", ())
ROWS = [{"text": 'a "b', "label": "x"}, {"text": "c, d", "label": "y"}]
EXPECTED = [Labelled(('a "b',), "x"), Labelled(("c, d",), "y")]


def texts(name, tmp_path):
    path = tmp_path / name
    if ".json" in name:
        content = "\n".join(map(json.dumps, ROWS)) if "jsonl" in name else json.dumps(ROWS)
    elif ".csv" in name:
        content = 'text,label\n"a ""b",x\n"c, d",y\n'
    else:
        content = 'text\tlabel\na "b\tx\nc, d\ty\n'
    data = content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "a.tsv.gz", "a.jsonl.gz"])
def test_every_table_gives_the_same(name, tmp_path):
    assert list(read(Found(texts(name, tmp_path)), PLAIN, "train")) == EXPECTED


def test_parquet_and_a_saved_data_set(tmp_path):
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_list(ROWS)
    data.to_parquet(str(tmp_path / "a.parquet"))
    data.save_to_disk(str(tmp_path / "saved"))
    for name in ("a.parquet", "saved"):
        assert list(read(Found(tmp_path / name), PLAIN, "train")) == EXPECTED


def test_a_line_is_a_text_of_the_file_s_class(tmp_path):
    path = tmp_path / "pos.txt"
    path.write_text(" good \n\nvery good\n")
    assert list(read(Found(path, "pos"), PLAIN, "train")) == [
        Labelled(("good",), "pos"),
        Labelled(("very good",), "pos"),
    ]


def test_instances_are_split_where_the_columns_are_named_in_the_input(tmp_path):
    instance = {"input": "sentence 1: A man.\nsentence 2: A\nb.", "output": ["neutral", "no"]}
    path = tmp_path / "task.json"
    path.write_text(json.dumps({"Definition": ["..."], "Instances": [instance]}))
    pair = Columns("sentence 1", "sentence 2", "label", ())
    assert list(read(Found(path), pair, "train")) == [Labelled(("A man.", "A\nb."), "neutral")]
    assert next(read(Found(path), PLAIN, "train")).texts == (instance["input"],)
    assert of_instance(instance, Columns("x", "y", "label", ())).keys() == {
        "text",
        "label",
        "input",
        "output",
    }


def test_a_quoted_tsv_is_read_as_one(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('text\tlabel\n"a\tb"\tx\n')
    assert list(read(Found(path), PLAIN, "train")) == [Labelled(("a\tb",), "x")]
