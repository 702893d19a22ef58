"""A corpus tokenised once, in memory-mapped files; kept under what it was made from."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmlab.data.document import PIECE_CHARS, Piece, Source
from lmlab.data.token_writer import SIDES, TokenWriter, batches_of
from lmlab.data.tokenizer.tokenizer import Tokenizer
from lmlab.once import made_once, read_meta, write_meta
from lmlab.say import progress, say

# Raise it when the same text and tokenizer would give other files than before.
FORMAT = 1
BATCH_CHARS = 1 << 21
# Larger files are checked by their size alone: their hash would take more than a few seconds.
HASHED_UP_TO_BYTES = 1 << 32


@dataclass(frozen=True, slots=True)
class TokenCache:
    """A folder of token files and what meta.json says of them."""

    folder: Path
    meta: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """Hash of text, tokenizer, split and format."""
        return str(self.meta["fingerprint"])

    def num_tokens(self, side: str) -> int:
        """Tokens of the side `train` or `validation`, every `eos` included."""
        return int(self.meta["files"][side]["num_tokens"])

    def num_documents(self, side: str) -> int:
        """Documents of a side."""
        return int(self.meta["files"][side]["num_documents"])

    def tokens(self, side: str) -> np.ndarray:
        """(num_tokens,) uint16 or uint32, read from disk as it is used."""
        return np.memmap(self.folder / f"{side}.tokens", np.dtype(self.meta["dtype"]), mode="r")


def token_dtype(vocab_size: int) -> np.dtype:
    """The smaller of uint16 and uint32 that holds every id."""
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)


def open_token_cache(
    source: Source, tokenizer: Tokenizer, validation_fraction: float, cache_dir: Path
) -> TokenCache:
    """The tokenised corpus; made if it is not there or damaged, by one process only.

    Raises: ValueError for text that cannot be read, or none.
    """
    made_from = {
        "format": [FORMAT, PIECE_CHARS],
        "text": source.fingerprint(cache_dir),
        "tokenizer": tokenizer.fingerprint,
        "validation_fraction": validation_fraction,
    }
    fingerprint = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    folder = cache_dir / "corpora" / fingerprint[:32]

    def make(new: Path) -> None:
        meta = _tokenise(source, tokenizer, validation_fraction, new)
        write_meta(new, {"fingerprint": fingerprint, "made_from": made_from} | meta)

    made_once(folder, "tokenising the same corpus", is_intact, make)
    meta = read_meta(folder)
    if meta is None:
        raise ValueError(f"{folder} was removed while it was opened; start again")
    return TokenCache(folder, meta)


def is_intact(folder: Path) -> bool:
    """Whether the files have the sizes and the hashes that meta.json says."""
    meta = read_meta(folder)
    try:
        return meta is not None and all(_file_facts(folder, side, meta) for side in SIDES)
    except (OSError, KeyError, TypeError):
        return False


def _file_facts(folder: Path, side: str, meta: dict[str, Any]) -> bool:
    path, facts = folder / f"{side}.tokens", meta["files"][side]
    size = path.stat().st_size
    if size != facts["num_tokens"] * np.dtype(meta["dtype"]).itemsize:
        return False
    return size > HASHED_UP_TO_BYTES or facts["sha256"] == _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tokenise(
    source: Source, tokenizer: Tokenizer, validation_fraction: float, folder: Path
) -> dict[str, Any]:
    dtype = token_dtype(tokenizer.vocab.size)
    writer = TokenWriter(folder, dtype, tokenizer.vocab.eos, validation_fraction)
    what = f"tokenising {type(source).__name__} with {type(tokenizer).__name__}"
    with progress(what, source.size_bytes()) as advance:
        for pieces, ids in _encoded(source, tokenizer):
            for piece, piece_ids in zip(pieces, ids, strict=True):
                writer.add(piece, piece_ids)
            advance(sum(len(piece.text.encode()) for piece in pieces))
        writer.finish(lambda token: tokenizer.decode([token]))
    notes = [*source.notes(), *writer.notes]
    for note in notes:
        say(f"  {note}")
    files = {
        side: {
            "num_tokens": writer.num_tokens[side],
            "num_documents": writer.num_documents[side],
            "sha256": _sha256(writer.paths[side]),
        }
        for side in SIDES
    }
    return {"dtype": dtype.name, "files": files, "notes": notes}


def _encoded(
    source: Source, tokenizer: Tokenizer
) -> Iterator[tuple[list[Piece], list[np.ndarray]]]:
    """Batches of pieces with their ids; only the batches on their way are in memory."""
    on_the_way: deque[list[Piece]] = deque()

    def texts() -> Iterator[list[str]]:
        for pieces in batches_of(source.pieces(), BATCH_CHARS):
            on_the_way.append(pieces)
            yield [piece.text for piece in pieces]

    for ids in tokenizer.encode_stream(texts()):
        yield on_the_way.popleft(), ids
