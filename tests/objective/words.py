"""A vocabulary of words, so that a sentence reads as printed."""

from __future__ import annotations

import numpy as np

from lmlab.batch import Example, Vocab

SENTENCES = (
    "my dog is hairy apple the man went to store buy a gallon of milk running I . He bought "
    "Penguins are flightless The"
)
TEXT = SENTENCES.split()
VOCAB = Vocab(size=len(TEXT) + 1, eos=len(TEXT)).with_specials("marks")
SPECIAL = {VOCAB.mask: "[MASK]", VOCAB.cls: "[CLS]", VOCAB.sep: "[SEP]", VOCAB.pad: "[PAD]"}


def ids(text: str) -> np.ndarray:
    """(n,) int64 of a sentence; `|` opens a document."""
    return np.array([VOCAB.eos if word == "|" else TEXT.index(word) for word in text.split()])


def read(row: object) -> str:
    """The sentence of a row of ids."""
    names = {VOCAB.eos: "|"} | SPECIAL | dict(enumerate(TEXT))
    return " ".join(names[int(index)] for index in np.asarray(row))


def example(text: str, length: int) -> Example:
    """A window of `length` tokens, padded at its end."""
    tokens = ids(text)
    return Example(np.pad(tokens, (0, length - len(tokens))), len(tokens))
