"""The tokenised corpus on disk."""

from __future__ import annotations

import json
import multiprocessing
import os

import numpy as np
import pytest

from lmlab.data.token_cache import is_intact, open_token_cache, token_dtype
from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.bytes import Bytes
from tests.data.conftest import Documents, numbered


def test_the_smaller_type_that_holds_all_ids_is_taken():
    assert token_dtype(65536) == np.uint16
    assert token_dtype(65537) == np.uint32


def test_text_is_tokenised_once(tmp_path):
    source = numbered(50)
    first = open_token_cache(source, Bytes(), 0.2, tmp_path)
    again = open_token_cache(source, Bytes(), 0.2, tmp_path)
    assert source.times_read == 1
    assert first == again
    assert first.num_documents("train") + first.num_documents("validation") == 50
    texts = Bytes().decode(first.tokens("train")).split("<|endoftext|>")[1:-1]
    assert len(texts) == first.num_documents("train") and set(texts) < set(source.texts)


@pytest.mark.parametrize("what", ["text", "tokenizer", "split"])
def test_another_text_tokenizer_or_split_is_another_cache(tmp_path, what):
    source, other = numbered(50, 200), numbered(51, 200)
    first = open_token_cache(source, Bytes(), 0.2, tmp_path)
    bpe = Bpe(size=260, sample_mb=1).prepare(source, tmp_path)
    if what == "text":
        second = open_token_cache(other, Bytes(), 0.2, tmp_path)
    elif what == "tokenizer":
        second = open_token_cache(source, bpe, 0.2, tmp_path)
    else:
        second = open_token_cache(source, Bytes(), 0.3, tmp_path)
    assert first.fingerprint != second.fingerprint
    assert is_intact(first.folder) and is_intact(second.folder)


@pytest.mark.parametrize("damage", ["shorter", "one bit", "no meta", "meta", "gone"])
def test_a_damaged_cache_is_made_again(tmp_path, damage, capsys):
    source = numbered(50)
    cache = open_token_cache(source, Bytes(), 0.2, tmp_path)
    whole = cache.tokens("train").tolist()
    path = cache.folder / "train.tokens"
    if damage == "shorter":
        os.truncate(path, path.stat().st_size - 2)
    elif damage == "one bit":
        data = bytearray(path.read_bytes())
        data[10] ^= 1
        path.write_bytes(data)
    elif damage == "no meta":
        (cache.folder / "meta.json").unlink()
    elif damage == "meta":
        (cache.folder / "meta.json").write_text(json.dumps({"files": {}}))
    else:
        path.unlink()
    again = open_token_cache(source, Bytes(), 0.2, tmp_path)
    assert "damaged" in capsys.readouterr().err
    assert again.tokens("train").tolist() == whole


def build(source, folder, queue):
    queue.put(open_token_cache(source, Bytes(), 0.2, folder).fingerprint)


def test_processes_that_start_together_build_it_once(tmp_path):
    context = multiprocessing.get_context("fork")
    marks = tmp_path / "marks"
    marks.mkdir()

    class Marked(Documents):
        def pieces(self):
            (marks / str(os.getpid())).touch()
            return super().pieces()

    queue = context.Queue()
    source = Marked(*numbered(2000).texts)
    work = [context.Process(target=build, args=(source, tmp_path, queue)) for _ in range(3)]
    for process in work:
        process.start()
    fingerprints = {queue.get(timeout=60) for _ in work}
    for process in work:
        process.join()
    assert len(fingerprints) == 1 and len(list(marks.iterdir())) == 1


def test_a_source_that_fails_leaves_nothing(tmp_path):
    class Failing(Documents):
        def pieces(self):
            yield from super().pieces()
            raise ValueError("line 7")

    with pytest.raises(ValueError, match="line 7"):
        open_token_cache(Failing("a\nb"), Bytes(), 0.2, tmp_path)
    assert [path.suffix for path in (tmp_path / "corpora").iterdir()] == [".lock"]
