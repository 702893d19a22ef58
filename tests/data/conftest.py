"""What the data tests share: small corpora, a plain collate, and where real text is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lmlab.batch import Example, TokenBatch, Vocab, Window
from lmlab.data.corpus import Corpus
from lmlab.data.document import Piece, Source, pieces_of
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.tokenizer.bytes import Bytes

ROOT = Path(__file__).resolve().parents[2]


class Documents(Source):
    """Given texts as documents; counts how often they are read."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.times_read = texts, 0

    def pieces(self) -> Iterator[Piece]:
        self.times_read += 1
        for text in self.texts:
            yield from pieces_of([text])

    def fingerprint(self, cache_dir: Path) -> str:
        return hash_of_text(*self.texts)


def collate(examples: list[Example], seeds: np.ndarray, cross_documents: bool) -> TokenBatch:
    """Windows as they are; the seeds travel in `positions`, so that tests see them."""
    tokens = torch.from_numpy(np.stack([example.tokens for example in examples]).astype(np.int64))
    real = torch.tensor([example.num_real for example in examples])
    mask = torch.arange(tokens.shape[1])[None, :] < real[:, None]
    noise = torch.from_numpy(seeds.astype(np.int64))[:, None].expand_as(tokens)
    return TokenBatch(tokens, tokens, mask, noise)


def make_corpus(source: Source, cache_dir: Path, **changes: Any) -> Corpus:
    """A prepared corpus of bytes, windows of 9 every 8, 8 sequences a step."""
    keys: dict[str, Any] = {
        "source": source,
        "seq_len": 8,
        "cross_documents": True,
        "validation_fraction": 0.2,
        "validation_tokens": None,
        "validation_sequences": 4,
        "num_workers": 0,
        "tokenizer": Bytes(),
        "window": Window(length=9, stride=8),
        "collate": collate,
        "seed": 7,
        "step_sequences": 8,
        "world_size": 1,
        "rank": 0,
        "cache_dir": cache_dir,
    }
    corpus = Corpus(**(keys | changes))
    corpus.prepare()
    return corpus


def numbered(number: int, length: int = 20) -> Documents:
    """Documents that all differ."""
    return Documents(
        *(f"{index:04d} " + "abcdefghij"[index % 10] * length for index in range(number))
    )


@pytest.fixture
def text_folder() -> Path:
    """The project's real text, where there is some."""
    shared = Path(os.environ.get("LMLAB_DATA", ROOT.parent / "shared" / "data")) / "text"
    if not shared.is_dir():
        pytest.skip(f"needs the project's text data in {shared}; set LMLAB_DATA to their folder")
    return shared


@pytest.fixture
def vocab() -> Vocab:
    return Bytes().vocab
