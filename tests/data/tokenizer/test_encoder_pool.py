"""Encoding in other processes."""

from __future__ import annotations

import pytest

from lmlab.data.tokenizer import encoder_pool
from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.encoder import Encoder
from lmlab.data.tokenizer.encoder_pool import encode_in_processes, num_processes
from tests.data.conftest import numbered


@pytest.fixture(scope="module")
def json_text(tmp_path_factory) -> str:
    bpe = Bpe(size=300, sample_mb=1).prepare(numbered(500, 30), tmp_path_factory.mktemp("cache"))
    return bpe._json


def test_ids_come_in_order(json_text):
    batches = [[f"batch {index}", "世 more"] for index in range(9)]
    found = list(encode_in_processes(json_text, True, iter(batches), 2))
    alone = Encoder(json_text, True)
    assert [[ids.tolist() for ids in batch] for batch in found] == [
        [ids.tolist() for ids in alone(batch)] for batch in batches
    ]
    assert 1 <= num_processes() <= encoder_pool.MAX_PROCESSES


def test_few_texts_are_on_their_way_at_once(json_text):
    asked = []
    batches = ([str(asked.append(index))] for index in range(20))
    results = encode_in_processes(json_text, True, batches, 1)
    next(results)
    assert len(asked) == 2
    results.close()


def test_a_worker_that_fails_is_told(json_text):
    with pytest.raises(RuntimeError, match="exit code 1"):
        list(encode_in_processes(json_text, True, iter([[1]]), 1))  # type: ignore[list-item]
