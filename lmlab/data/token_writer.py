"""Writing a corpus as two streams of tokens, training and validation, split by document."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lmlab.data.document import Piece

TRAIN, VALIDATION = "train", "validation"
SIDES = (TRAIN, VALIDATION)
# Documents whose places are remembered, in case one side gets none.
REMEMBERED = 100_000
COPIED_AT_ONCE = 1 << 22
# How far a line end is looked for when a single document has to be split, in tokens.
SEARCHED = 5_000


class TokenWriter:
    """Takes pieces with their tokens; every document goes to one side as `eos` and its tokens.

    The side is a function of the document's first piece: equal documents are on one side, and
    adding documents moves no other. About `fraction` of the documents become validation.
    """

    def __init__(self, folder: Path, dtype: np.dtype, eos: int, fraction: float) -> None:
        self.paths = {side: folder / f"{side}.tokens" for side in SIDES}
        self.files = {side: path.open("wb") for side, path in self.paths.items()}
        self.dtype, self.eos, self.fraction = dtype, eos, fraction
        self.num_tokens = dict.fromkeys(SIDES, 0)
        self.num_documents = dict.fromkeys(SIDES, 0)
        self.side = TRAIN
        self.hashes, self.starts = array("Q"), array("Q")
        self.notes: list[str] = []

    def add(self, piece: Piece, ids: np.ndarray) -> None:
        """The next piece of the corpus."""
        if piece.opens:
            self._open_document(piece.text)
        self._write(ids)

    def _open_document(self, text: str) -> None:
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        number = int.from_bytes(digest, "big")
        self.side = VALIDATION if number < self.fraction * 2**64 else TRAIN
        if len(self.hashes) < REMEMBERED:
            self.hashes.append(number)
            self.starts.append(self.num_tokens[self.side])
        self.num_documents[self.side] += 1
        self._write(np.array([self.eos]))

    def _write(self, ids: np.ndarray) -> None:
        np.asarray(ids, self.dtype).tofile(self.files[self.side])
        self.num_tokens[self.side] += len(ids)

    def finish(self, decode_token: Callable[[int], str]) -> None:
        """Close both streams with `eos`; see to it that neither is without a document.

        Raises: ValueError for a corpus without text.
        """
        for file in self.files.values():
            file.close()
        if not any(self.num_documents.values()):
            raise ValueError("data.source gives no text at all")
        if not all(self.num_documents.values()):
            self._rebalance(decode_token)
        for side in SIDES:
            with self.paths[side].open("ab") as file:
                np.array([self.eos], self.dtype).tofile(file)
            self.num_tokens[side] += 1

    def _rebalance(self, decode_token: Callable[[int], str]) -> None:
        """One side is empty: one document, or a part of the only one, becomes the validation side."""
        full = max(SIDES, key=lambda side: self.num_tokens[side])
        whole = self.paths[TRAIN].with_suffix(".all")
        self.paths[full].rename(whole)
        total, documents = self.num_tokens[full], self.num_documents[full]
        tokens = np.memmap(whole, self.dtype, mode="r")
        if len(set(self.hashes)) == 1:
            cut = self._line_end(tokens, decode_token)
            chosen = [(cut, total)]
            before = bisect_left(self.starts, cut)
            begun = int(tokens[cut] != self.eos)
            self.num_documents = {TRAIN: before, VALIDATION: documents - before + begun}
            self.notes.append(
                f"the text is one document: its last {total - cut} of {total} tokens are the "
                f"validation part"
            )
        else:
            chosen = self._nearest_in_length(total)
            moved = len(chosen)
            self.num_documents = {TRAIN: documents - moved, VALIDATION: moved}
        self._copy(whole, chosen)
        whole.unlink()

    def _nearest_in_length(self, total: int) -> list[tuple[int, int]]:
        """The document whose length is nearest to the fraction, with all that are equal to it."""
        ends = self.starts[1:]
        if len(self.starts) == sum(self.num_documents.values()):
            ends.append(total)
        places = list(zip(self.hashes, self.starts, ends, strict=False))
        lengths: dict[int, int] = {}
        for number, start, end in places:
            lengths[number] = lengths.get(number, 0) + end - start
        wanted = self.fraction * total
        best = min(lengths, key=lambda number: (abs(lengths[number] - wanted), number))
        return [(start, end) for number, start, end in places if number == best]

    def _line_end(self, tokens: np.ndarray, decode_token: Callable[[int], str]) -> int:
        """The place near the fraction that follows a token ending a line; 1 < place < len."""
        middle = min(max(2, round(len(tokens) * (1 - self.fraction))), len(tokens) - 1)
        if len(tokens) < 3:
            raise ValueError("data.source gives a single token of text, too little to train on")
        for distance in range(SEARCHED):
            for place in (middle - distance, middle + distance):
                if 2 <= place < len(tokens) and decode_token(int(tokens[place - 1])).endswith("\n"):
                    return place
        return middle if tokens[middle - 1] != self.eos else middle - 1

    def _copy(self, whole: Path, chosen: list[tuple[int, int]]) -> None:
        """The chosen ranges of a file of tokens to the validation side, the rest to the training side."""
        total = sum(self.num_tokens.values())
        self.num_tokens = dict.fromkeys(SIDES, 0)
        self.files = {side: path.open("wb") for side, path in self.paths.items()}
        at = 0
        for start, end in chosen:
            self._copy_range(whole, at, start, TRAIN)
            self.side = VALIDATION
            if self._read(whole, start, start + 1)[0] != self.eos:
                self._write(np.array([self.eos]))
            self._copy_range(whole, start, end, VALIDATION)
            at = end
        self._copy_range(whole, at, total, TRAIN)
        for file in self.files.values():
            file.close()

    def _copy_range(self, whole: Path, start: int, end: int, side: str) -> None:
        self.side = side
        for at in range(start, end, COPIED_AT_ONCE):
            self._write(self._read(whole, at, min(end, at + COPIED_AT_ONCE)))

    def _read(self, whole: Path, start: int, end: int) -> np.ndarray:
        return np.fromfile(whole, self.dtype, end - start, offset=start * self.dtype.itemsize)


def batches_of(pieces: Iterator[Piece], max_chars: int) -> Iterator[list[Piece]]:
    """Pieces in groups of about max_chars characters."""
    group: list[Piece] = []
    chars = 0
    for piece in pieces:
        group.append(piece)
        chars += len(piece.text)
        if chars >= max_chars:
            yield group
            group, chars = [], 0
    if group:
        yield group
