"""Any tokenizer.json."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.file import File
from tests.data.conftest import Documents, numbered


def open_file(path, eos=None) -> File:
    return File(path=str(path), eos=eos).prepare(Documents("x"), path)


@pytest.fixture
def words(tmp_path):
    """A vocabulary of whole words with BERT's special tokens."""
    names = ["[PAD]", "[MASK]", "[SEP]", "[UNK]", "a", "b"]
    backend = Tokenizer(
        models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="[UNK]")
    )
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.add_special_tokens(names[:3])
    backend.save(str(tmp_path / "words.json"))
    return tmp_path / "words.json"


def test_a_saved_bpe_is_the_same_when_it_is_read_back(tmp_path):
    bpe = Bpe(size=300, sample_mb=1).prepare(numbered(500, 30), tmp_path)
    bpe.save(tmp_path / "saved")
    file = open_file(tmp_path / "saved")
    text = "abc <|endoftext|> 01 é"
    assert file.encode_batch([text])[0].tolist() == bpe.encode_batch([text])[0].tolist()
    assert file.vocab == bpe.vocab
    assert file.byte_lengths.tolist() == bpe.byte_lengths.tolist()


def test_special_tokens_are_found_by_their_usual_names(words):
    file = open_file(words)
    assert (file.vocab.size, file.vocab.eos, file.vocab.pad, file.vocab.mask) == (6, 2, 0, 1)
    assert file.byte_lengths is None
    (ids,) = file.encode_batch(["a b [SEP] c"])
    assert ids.tolist()[:2] == [4, 5] and 2 not in ids


def test_eos_may_be_named(words):
    assert open_file(words, eos="[PAD]").vocab.eos == 0
    with pytest.raises(ValueError, match=r"tokenizer.eos=</s>: .* special tokens are \[PAD\]"):
        open_file(words, eos="</s>")


def test_what_is_no_tokenizer_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"tokenizer.path=.*there is no file"):
        open_file(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer.path=.* is not usable"):
        open_file(tmp_path)
    Bytes().save(tmp_path)
    with pytest.raises(ValueError, match="use that"):
        open_file(tmp_path)


def with_specials(folder, *names: str) -> File:
    backend = Tokenizer(models.WordLevel({"a": 0}))
    backend.add_special_tokens(list(names))
    backend.save(str(folder / "tokenizer.json"))
    return open_file(folder)


def test_the_marks_of_encoders_are_found(tmp_path):
    bert = with_specials(tmp_path, "[CLS]", "[SEP]").vocab
    assert (bert.cls, bert.sep, bert.eos) == (1, 2, 2)
    roberta = with_specials(tmp_path, "<s>", "</s>", "<mask>").vocab
    assert (roberta.cls, roberta.sep, roberta.eos) == (1, 2, 2)
    llama = with_specials(tmp_path, "<s>", "</s>").vocab
    assert (llama.cls, llama.sep, llama.eos) == (None, None, 2)


@pytest.mark.parametrize("name", ["<extra_id_{}>", "<|span_{}|>"])
def test_the_names_of_hidden_spans_are_found(tmp_path, name):
    names = [name.format(number) for number in range(100)]
    assert with_specials(tmp_path, "</s>", *names).vocab.sentinels == tuple(range(2, 102))
    turned = with_specials(tmp_path, "</s>", *reversed(names)).vocab.sentinels
    assert turned == tuple(range(101, 1, -1))  # T5 counts down
    assert with_specials(tmp_path, "</s>", *names[:99]).vocab.sentinels == ()
