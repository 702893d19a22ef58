"""Documents on their way from a source to a tokenizer, in pieces small enough for memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

# The longest piece of a document, in characters.
PIECE_CHARS = 1 << 17


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole document, or a part of a long one; `opens` is true for a document's first part."""

    text: str
    opens: bool


class Source(ABC):
    """Documents in an order that is the same every time."""

    @abstractmethod
    def pieces(self) -> Iterator[Piece]:
        """All documents from the first on, streamed; none is empty."""

    @abstractmethod
    def fingerprint(self, cache_dir: Path) -> str:
        """A hash that changes whenever the text does; hashes of large files are kept there."""

    def size_bytes(self) -> int | None:
        """Bytes of text, where that is known without reading it."""
        return None

    def notes(self) -> list[str]:
        """What there is to say about the documents after all were read."""
        return []


def pieces_of(chunks: Iterable[str]) -> Iterator[Piece]:
    """One document, given in chunks of any length, as pieces of at most PIECE_CHARS."""
    rest, opens = "", True
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE_CHARS):
            rest += chunk[start : start + PIECE_CHARS]
            while len(rest) > PIECE_CHARS:
                at = cut_point(rest, PIECE_CHARS)
                yield Piece(rest[:at], opens)
                rest, opens = rest[at:], False
    if rest:
        yield Piece(rest, opens)


def cut_point(text: str, limit: int) -> int:
    """Where to cut a text longer than `limit`, so that its byte-level BPE tokens stay the same.

    After a line end, or before a space, that has something other than white space on both sides:
    a word border that no rule looks across. Else after any line end, else at `limit`.
    """
    line = _last_between_words(text, "\n", limit)
    if line > 0:
        return line + 1
    space = _last_between_words(text, " ", limit)
    if space > 0:
        return space
    return text.rfind("\n", 0, limit) + 1 or limit


def _last_between_words(text: str, mark: str, limit: int) -> int:
    at = text.rfind(mark, 1, limit)
    while at > 0 and (text[at - 1].isspace() or text[at + 1].isspace()):
        at = text.rfind(mark, 1, at)
    return at


def by_document(pieces: Iterator[Piece]) -> Iterator[Iterator[Piece]]:
    """The same pieces, one iterator a document; each is to be used up before the next is asked for."""
    first = next(pieces, None)

    def rest() -> Iterator[Piece]:
        nonlocal first
        first = None
        for piece in pieces:
            if piece.opens:
                first = piece
                return
            yield piece

    while first is not None:
        yield chain([first], rest())
