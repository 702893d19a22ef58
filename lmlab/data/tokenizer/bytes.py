"""The tokenizer `bytes`: a token is a byte."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np

from lmlab.batch import Vocab
from lmlab.data.document import Source
from lmlab.data.tokenizer.tokenizer import EOS, Tokenizer


class Bytes(Tokenizer):
    """The 256 bytes of UTF-8 and `eos`: 257 tokens, nothing to train."""

    def __init__(self) -> None:
        self.vocab = Vocab(size=257, eos=256)
        self.fingerprint = "bytes 1"
        self.byte_lengths = np.append(np.ones(256, np.int64), 0)

    def prepare(self, source: Source, cache_dir: Path) -> Self:
        return self

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        return [np.frombuffer(text.encode(), np.uint8) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        special = {256: EOS} | self.added_text()
        whole = b"".join(special[i].encode() if i in special else bytes([i]) for i in map(int, ids))
        return whole.decode(errors="replace")

    def save(self, folder: Path) -> None:
        """A tokenizer.json that only says so: `tokenizers` has no such kind."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(json.dumps({"lmlab": "bytes", "eos": 256}))
