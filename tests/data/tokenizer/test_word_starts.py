from __future__ import annotations

import numpy as np
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.file import File
from lmlab.data.tokenizer.tokenizer import Tokenizer
from lmlab.data.tokenizer.word_starts import ENDS, STARTS, word_starts
from tests.data.conftest import Documents


def words(tokenizer: Tokenizer, text: str) -> list[str]:
    """The text cut where words begin."""
    table = word_starts(tokenizer)
    assert table is not None and table.shape == (tokenizer.vocab.size,)
    found: list[list[int]] = []
    after = True
    for token in tokenizer.encode_batch([text])[0]:
        if after or table[token] & STARTS:
            found.append([])
        found[-1].append(int(token))
        after = bool(table[token] & ENDS)
    return [tokenizer.decode(word) for word in found]


def test_bytes():
    text = "the man, x1) is über\nif a"
    assert words(Bytes(), text) == [
        *("the", " man", ",", " x1", ")", " is", " über", "\n", "if", " a")
    ]


def test_bpe_finds_the_same_words_as_bytes(tmp_path):
    text = "the man, x1) is über\nif a"
    tokenizer = Bpe(size=270, sample_mb=1.0).prepare(
        Documents(text * 50, "the man is " * 9), tmp_path
    )
    assert words(tokenizer, text) == words(Bytes(), text)


def save(path, model: models.Model, decoder: decoders.Decoder) -> File:
    backend = Backend(model)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoder
    backend.save(str(path / "tokenizer.json"))
    return File(path=str(path), eos="[SEP]").prepare(Documents("x"), path)


def test_word_pieces(tmp_path):
    vocab = {"[SEP]": 0, "[UNK]": 1, "walk": 2, "##ing": 3, "the": 4, ".": 5}
    tokenizer = save(tmp_path, models.WordPiece(vocab, unk_token="[UNK]"), decoders.WordPiece())
    table = word_starts(tokenizer)
    assert [bool(table[index] & STARTS) for index in (2, 3, 4, 5)] == [True, False, True, True]
    assert np.flatnonzero(table & ENDS).tolist()[-1] == 5


def test_tokens_that_do_not_tell(tmp_path):
    vocab = {"[SEP]": 0, "[UNK]": 1, "walk": 2}
    tokenizer = save(tmp_path, models.WordLevel(vocab, unk_token="[UNK]"), decoders.Fuse())
    assert tokenizer.word_starts() is None
