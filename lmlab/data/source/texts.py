"""The source `texts`: written in the configuration itself, to be read by a trained model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lmlab.data.document import Piece, Source
from lmlab.data.source.content_hash import hash_of_text


class Texts(Source):
    """A few `texts`, too few to train a tokenizer on: the run of `init_from` brings its own."""

    def __init__(self, *, texts: list[str]) -> None:
        if not any(texts):
            raise ValueError("data.source.texts=[] names no text; give one or more")
        self.texts = texts

    def pieces(self) -> Iterator[Piece]:
        raise ValueError(
            "init_from=null: this stage trains nothing and needs the weights and the tokenizer of a "
            "run; set init_from=RUN or init_from=hf:FOLDER"
        )

    def fingerprint(self, cache_dir: Path) -> str:
        return hash_of_text("texts 1", *self.texts)
