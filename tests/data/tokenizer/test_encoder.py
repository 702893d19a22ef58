"""Encoding by words gives what `tokenizers` gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlab.data.tokenizer import encoder as module
from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.encoder import Encoder
from tests.data.conftest import numbered


@pytest.fixture(scope="module")
def json_text(tmp_path_factory) -> str:
    bpe = Bpe(size=300, sample_mb=1).prepare(numbered(500, 30), tmp_path_factory.mktemp("cache"))
    return bpe._json


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("abcdefghij 01\n世😀é'"), max_size=60))
def test_both_ways_agree(json_text, text):
    fast, plain = Encoder(json_text, by_word=True), Encoder(json_text, by_word=False)
    assert fast([text])[0].tolist() == plain([text])[0].tolist()


def test_kept_words_are_forgotten_when_they_are_many(json_text, monkeypatch):
    monkeypatch.setattr(module, "KEPT_WORDS", 3)
    fast, plain = Encoder(json_text, by_word=True), Encoder(json_text, by_word=False)
    for text in ("a b c", "d e f g h", "a b c"):
        assert fast([text])[0].tolist() == plain([text])[0].tolist()
    assert len(fast.kept) <= 5
    assert fast([""])[0].dtype == np.uint32
