"""Merges learned from the corpus."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lmlab.data.tokenizer.bpe import Bpe, sample
from tests.conftest import ROOT
from tests.data.conftest import Documents, numbered


def test_the_commonest_pair_is_the_first_merge(tmp_path):
    tokenizer = Bpe(size=259, sample_mb=1).prepare(Documents("abab abab abab ac"), tmp_path)
    assert [len(ids) for ids in tokenizer.encode_batch(["ab", "abab", "ac"])] == [1, 1, 2]
    assert tokenizer.vocab.size == 259 and tokenizer.vocab.eos == 258


def test_files_without_text_are_said(tmp_path):
    with pytest.raises(ValueError, match="data.source has no text to make a tokenizer of"):
        Bpe(size=259, sample_mb=1).prepare(Documents(), tmp_path)


def test_it_is_trained_once_for_a_text_size_and_sample(tmp_path, capsys):
    source = numbered(300, 30)
    first = Bpe(size=280, sample_mb=1).prepare(source, tmp_path)
    again = Bpe(size=280, sample_mb=1).prepare(source, tmp_path)
    assert capsys.readouterr().err.count("training a BPE tokenizer") == 1
    assert first.fingerprint == again.fingerprint
    others = [Bpe(size=281, sample_mb=1), Bpe(size=280, sample_mb=2)]
    for other in others:
        other.prepare(source, tmp_path)
    Bpe(size=280, sample_mb=1).prepare(numbered(301, 30), tmp_path)
    assert capsys.readouterr().err.count("training a BPE tokenizer") == 3


def test_a_damaged_file_is_trained_again(tmp_path):
    first = Bpe(size=280, sample_mb=1).prepare(numbered(300, 30), tmp_path)
    (file,) = tmp_path.glob("tokenizers/*/tokenizer.json")
    file.write_text("{}")
    again = Bpe(size=280, sample_mb=1).prepare(numbered(300, 30), tmp_path)
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_learns_the_same(tmp_path, hash_seed):
    """On real text, with another PYTHONHASHSEED and one thread instead of many."""
    code = (
        "import sys; from pathlib import Path\n"
        "from lmlab.data.source.stdlib import Stdlib\n"
        "from lmlab.data.tokenizer.bpe import Bpe\n"
        "bpe = Bpe(size=1000, sample_mb=0.3)\n"
        "print(bpe.prepare(Stdlib(max_mb=0.4), Path(sys.argv[1])).fingerprint)\n"
    )
    threads = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    env = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), **threads}
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    from lmlab.data.source.stdlib import Stdlib

    here = Bpe(size=1000, sample_mb=0.3).prepare(Stdlib(max_mb=0.4), tmp_path / "b")
    assert done.stdout.strip() == here.fingerprint


def test_text_that_is_too_short_for_the_size_says_which_would_do(tmp_path):
    with pytest.raises(ValueError, match=r"tokenizer.size=4096: .* only (\d+) tokens") as error:
        Bpe(size=4096, sample_mb=1).prepare(numbered(10), tmp_path)
    size = int(str(error.value).split("only ")[1].split()[0])
    assert Bpe(size=size, sample_mb=1).prepare(numbered(10), tmp_path).vocab.size == size


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"size": 256, "sample_mb": 1}, "tokenizer.size=256"),
        ({"size": 300, "sample_mb": 0}, "tokenizer.sample_mb=0"),
    ],
)
def test_what_cannot_be_is_refused(keys, words):
    with pytest.raises(ValueError, match=words):
        Bpe(**keys)


def test_a_sample_is_from_all_over_the_text_and_the_same_every_time():
    source = Documents(*(f"{index:010d}" for index in range(1000)))
    texts = sample(source, 500)
    assert texts == sample(source, 500)
    assert 500 <= sum(map(len, texts)) <= 1000
    numbers = [int(text) for text in texts]
    assert numbers[0] == 0 and numbers[-1] > 900 and len(set(numbers)) == len(numbers)
    assert sample(source, 10_000_000) == list(source.texts)
