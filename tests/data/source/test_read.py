"""One file of each kind, whole and broken."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmlab.data.document import PIECE_CHARS
from lmlab.data.source.read import read_file


def texts(path, field="text"):
    """The documents, whole."""
    documents: list[str] = []
    for piece in read_file(path, field):
        if piece.opens:
            documents.append("")
        documents[-1] += piece.text
    return documents


def write(path, content: bytes):
    """Write, packed when the name says so."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.py", "a.txt.gz", "a.md.gz", "a.py.gz"])
def test_plain_text_loses_its_byte_order_mark_and_carriage_returns(tmp_path, name):
    path = write(tmp_path / name, b"\xef\xbb\xbfone\r\ntwo\n\xc3\xa9\r\n")
    assert texts(path) == ["one\ntwo\né\n"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_row_of_jsonl_is_a_document(tmp_path, name):
    path = write(
        tmp_path / name, b'{"text": "one\\n", "id": 1}\r\n\n{"text": "", "id": 2}\n{"text": "3"}'
    )
    assert texts(path) == ["one\n", "3"]


@pytest.mark.parametrize("name", ["a.parquet", "a.parquet.gz"])
def test_a_row_of_parquet_is_a_document(tmp_path, name):
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"body": ["one", None, "two"], "id": [1, 2, 3]}), plain)
    path = write(tmp_path / name, plain.read_bytes())
    assert texts(path, "body") == ["one", "two"]
    with pytest.raises(ValueError, match=r"data.source.field=text is missing .*; text is in body"):
        texts(path)
    with pytest.raises(ValueError, match=r"data.source.field=id is NoneType"):
        texts(path, "id")


def test_a_long_document_is_one_document(tmp_path):
    text = "word " * PIECE_CHARS
    path = write(tmp_path / "a.txt", text.encode())
    assert sum(piece.opens for piece in read_file(path, "text")) == 1
    assert texts(path) == [text]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"caf\xe9 olay", r"a.txt is not UTF-8 \(byte 0xe9"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', r"a.jsonl:2 is not JSON"),
        ("a.jsonl", b"[1]\n", r"a.jsonl:1 is not an object but list"),
        (
            "a.jsonl",
            b'{"body": "a", "n": 1}\n',
            r"field=text is missing in .*a.jsonl:1; text is in body",
        ),
        ("a.jsonl", b'{"text": 1}\n', r"field=text is int, not text in .*a.jsonl:1; no field"),
        ("a.parquet", b"PAR0", r"a.parquet is not a parquet file"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, words):
    with pytest.raises(ValueError, match=words):
        texts(write(tmp_path / name, content))


@pytest.mark.parametrize("content", [b"not packed", gzip.compress(b"x" * 10_000)[:-20]])
def test_a_broken_gzip_file_is_named(tmp_path, content):
    (tmp_path / "a.txt.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.txt.gz is not a whole gzip file"):
        texts(tmp_path / "a.txt.gz")
