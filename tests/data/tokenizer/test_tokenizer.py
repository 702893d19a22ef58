"""What the tokenizers of the package `tokenizers` have in common."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer as Backend

from lmlab.data.document import pieces_of
from lmlab.data.tokenizer import tokenizer as module
from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.gpt2 import Gpt2
from lmlab.data.tokenizer.tokenizer import byte_symbols, splits_as_gpt2
from tests.data.conftest import Documents, numbered

SAMPLES = ["", "a <|endoftext|> b", "naïve 世界 😀\n\n  x\t", "x" * 500, "\x00\x1c\r\n"]


@pytest.fixture(scope="module")
def bpe(tmp_path_factory) -> Bpe:
    return Bpe(size=300, sample_mb=1).prepare(numbered(500, 30), tmp_path_factory.mktemp("cache"))


def test_before_prepare_nothing_works():
    with pytest.raises(RuntimeError, match=r"Gpt2.prepare was not called"):
        Gpt2(folder=None).encode_batch(["a"])


def test_text_comes_back_and_never_gives_eos(bpe):
    for text, ids in zip(SAMPLES, bpe.encode_batch(SAMPLES), strict=True):
        assert bpe.decode(ids) == text
        assert bpe.vocab.eos not in ids and (ids < bpe.vocab.size).all()
        assert bpe.byte_lengths is not None
        assert bpe.byte_lengths[ids].sum() == len(text.encode())


def test_eos_is_decoded_as_its_name(bpe):
    (ids,) = bpe.encode_batch(["ab"])
    assert bpe.decode([bpe.vocab.eos, *ids, bpe.vocab.eos]) == "<|endoftext|>ab<|endoftext|>"


def test_the_saved_file_is_understood_elsewhere(bpe, tmp_path):
    bpe.save(tmp_path)
    other = Backend.from_file(str(tmp_path / "tokenizer.json"))
    assert other.token_to_id("<|endoftext|>") == bpe.vocab.eos
    assert other.encode("abc 012").ids == bpe.encode_batch(["abc 012"])[0].tolist()


def test_many_batches_are_encoded_like_one(bpe, monkeypatch):
    monkeypatch.setattr(module, "num_processes", lambda: 2)
    batches = [[text] for text in SAMPLES * 3]
    found = [ids.tolist() for (ids,) in bpe.encode_stream(iter(batches))]
    assert found == [ids.tolist() for ids in bpe.encode_batch(SAMPLES * 3)]


def test_a_document_in_pieces_has_the_tokens_of_the_whole(bpe, monkeypatch):
    monkeypatch.setattr("lmlab.data.document.PIECE_CHARS", 64)
    text = "".join(
        f"line {i} of abcdefghij\n" + "\n" * (i % 3) + "  indented é\n" for i in range(99)
    )
    pieces = [piece.text for piece in pieces_of([text])]
    assert len(pieces) > 50
    parts = [token for ids in bpe.encode_batch(pieces) for token in ids.tolist()]
    assert parts == bpe.encode_batch([text])[0].tolist()


def test_the_256_byte_symbols_are_those_of_gpt2():
    symbols = byte_symbols()
    assert sorted(symbols.values()) == list(range(256))
    assert symbols["Ġ"] == ord(" ") and symbols["Ċ"] == ord("\n") and symbols["a"] == ord("a")


def test_other_ways_to_split_are_known_as_such(bpe):
    settings = json.loads(bpe._json)
    assert splits_as_gpt2(settings)
    assert not splits_as_gpt2(settings | {"normalizer": {"type": "NFC"}})
    assert not splits_as_gpt2(settings | {"pre_tokenizer": {"type": "Whitespace"}})
    assert not splits_as_gpt2(settings | {"added_tokens": [{"special": False}]})


def test_prepare_reads_a_source_that_is_one_document(tmp_path):
    bpe = Bpe(size=260, sample_mb=1).prepare(Documents("abababab " * 99), tmp_path)
    assert bpe.vocab.size == 260
