"""Two streams of tokens, split by document."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlab.data.document import Piece, pieces_of
from lmlab.data.token_writer import TRAIN, VALIDATION, TokenWriter, batches_of

EOS = 256


def write(folder: Path, documents: list[str], fraction: float) -> tuple[TokenWriter, list[bytes]]:
    """The writer and both streams with eos as byte 0."""
    writer = TokenWriter(folder, np.dtype(np.uint16), EOS, fraction)
    for document in documents:
        for piece in pieces_of([document]):
            writer.add(piece, np.frombuffer(piece.text.encode(), np.uint8))
    writer.finish(lambda token: chr(token))
    streams = []
    for side in (TRAIN, VALIDATION):
        tokens = np.fromfile(writer.paths[side], np.uint16)
        assert len(tokens) == writer.num_tokens[side]
        streams.append(bytes(np.where(tokens == EOS, 0, tokens).astype(np.uint8)))
    return writer, streams


def test_every_document_opens_with_eos_and_one_more_ends_the_stream(tmp_path):
    _, (train, validation) = write(tmp_path, ["a", "bb", "ccc", "dddd"], 0.5)
    assert (train, validation) == (b"\0ccc\0", b"\0a\0bb\0dddd\0")


def test_equal_documents_are_on_one_side(tmp_path):
    documents = [f"document {index % 50}" for index in range(200)]
    _, streams = write(tmp_path, documents, 0.3)
    sides = [set(stream.strip(b"\0").split(b"\0")) for stream in streams]
    assert len(sides[0]) + len(sides[1]) == 50 and not sides[0] & sides[1]
    assert 5 <= len(sides[1]) <= 25


def test_of_few_documents_the_one_nearest_to_the_fraction_is_for_validation(tmp_path):
    documents = ["a" * 500, "b" * 40, "c" * 460]
    writer, streams = write(tmp_path, documents, 1e-9)
    assert streams[1] == b"\0" + b"b" * 40 + b"\0"
    assert streams[0] == b"\0" + b"a" * 500 + b"\0" + b"c" * 460 + b"\0"
    assert (writer.num_documents[TRAIN], writer.num_documents[VALIDATION]) == (2, 1)


def test_of_very_many_documents_only_the_first_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr("lmlab.data.token_writer.REMEMBERED", 3)
    _, streams = write(tmp_path, ["aaaa", "bb", "ccc", "d", "e"], 1e-9)
    assert streams == [b"\0aaaa\0ccc\0d\0e\0", b"\0bb\0"]


def test_training_is_not_left_empty_either(tmp_path):
    _, streams = write(tmp_path, ["a" * 10, "b" * 90], 1 - 1e-9)
    assert streams == [b"\0" + b"a" * 10 + b"\0", b"\0" + b"b" * 90 + b"\0"]


def test_a_single_document_is_split_at_a_line_end_and_that_is_said(tmp_path):
    text = "".join(f"line {index}\n" for index in range(100))
    writer, (train, validation) = write(tmp_path, [text], 0.1)
    assert train[1:-1] + validation[1:-1] == text.encode()
    assert train.endswith(b"\n\0") and validation.startswith(b"\0line ")
    assert 0.08 < len(validation) / len(text) < 0.12
    assert "one document" in writer.notes[0]


def test_a_single_line_is_split_all_the_same(tmp_path):
    _, (train, validation) = write(tmp_path, ["abcdefghij"], 0.2)
    assert (train, validation) == (b"\0abcdefgh\0", b"\0ij\0")


@pytest.mark.parametrize(("documents", "words"), [([], "no text"), (["a"], "single token")])
def test_too_little_text_is_refused(tmp_path, documents, words):
    with pytest.raises(ValueError, match=words):
        write(tmp_path, documents, 0.1)


@settings(max_examples=500, deadline=None)
@given(
    documents=st.lists(st.text("ab\n", min_size=1, max_size=12), min_size=1, max_size=12),
    fraction=st.sampled_from([0.01, 0.1, 0.5]),
)
def test_no_token_is_lost_or_doubled(tmp_path_factory, documents, fraction):
    if len(documents) == 1 and len(documents[0]) == 1:
        documents *= 2
    folder = tmp_path_factory.mktemp("case")
    writer, (train, validation) = write(folder, documents, fraction)
    assert sorted((train + validation).replace(b"\0", b"")) == sorted("".join(documents).encode())
    for stream in (train, validation):
        assert stream[:1] == b"\0" and stream[-1:] == b"\0" and b"\0\0" not in stream
    assert sum(writer.num_documents.values()) == train.count(b"\0") + validation.count(b"\0") - 2


def test_pieces_come_in_groups_of_about_so_many_characters():
    pieces = [Piece("abc", True) for _ in range(5)]
    assert [len(group) for group in batches_of(iter(pieces), 6)] == [2, 2, 1]
