"""A token is a byte."""

from __future__ import annotations

import json

from lmlab.data.tokenizer.bytes import Bytes
from tests.data.conftest import Documents


def test_bytes_of_utf8(tmp_path):
    tokenizer = Bytes().prepare(Documents("x"), tmp_path)
    first, second = tokenizer.encode_batch(["aé", ""])
    assert first.tolist() == [97, 0xC3, 0xA9] and second.tolist() == []
    assert tokenizer.vocab.size == 257 and tokenizer.vocab.eos == 256
    assert tokenizer.decode([256, *first, 256]) == "<|endoftext|>aé<|endoftext|>"
    assert tokenizer.byte_lengths.tolist() == [1] * 256 + [0]


def test_special_strings_are_text_and_half_characters_are_marked():
    (ids,) = Bytes().encode_batch(["<|endoftext|>"])
    assert 256 not in ids and Bytes().decode(ids) == "<|endoftext|>"
    assert Bytes().decode([0xC3]) == "\ufffd"


def test_it_says_what_it_is_where_it_is_saved(tmp_path):
    Bytes().save(tmp_path)
    assert json.loads((tmp_path / "tokenizer.json").read_text())["lmlab"] == "bytes"
