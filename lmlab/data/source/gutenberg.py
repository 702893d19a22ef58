"""Project Gutenberg's header and licence, which are the same in every book, taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lmlab.data.document import Piece

MARK = r"^\*\*\* ?{} OF (?:THE|THIS) PROJECT GUTENBERG[^*]{{0,300}}\*\*\*[^\n]*$"
START = re.compile(MARK.format("START"), re.MULTILINE | re.IGNORECASE)
END = re.compile(MARK.format("END"), re.MULTILINE | re.IGNORECASE)
# A file is a Gutenberg book when its START line is among its first characters.
HEADER_CHARS = 30_000


def books(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """One file's pieces; of a Gutenberg file only what is between START and END, a document a book.

    Any other file passes through as it is. A last book without END goes to the end of the file.
    """
    first = next(pieces, None)
    if first is None:
        return
    if START.search(first.text, 0, HEADER_CHARS) is None:
        yield first
        yield from pieces
        return
    inside = opens = False
    for text in _texts(first, pieces):
        while text:
            mark = (END if inside else START).search(text)
            part, text = (text[: mark.start()], text[mark.end() :]) if mark else (text, "")
            if inside:
                part = part.lstrip("\n") if opens else part
                part = part.rstrip() + "\n" if mark else part
                if part.strip():
                    yield Piece(part, opens)
                    opens = False
            if mark:
                inside = opens = not inside


def _texts(first: Piece, pieces: Iterator[Piece]) -> Iterator[str]:
    yield first.text
    for piece in pieces:
        yield piece.text
