"""Data for a stage that brings its own texts: nothing is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lmlab.data.source.texts import Texts


class Cloze:
    """Texts with blanks, of which there is no training side."""

    family: ClassVar[str] = "cloze"
    num_train_examples = 0

    def __init__(self, *, source: Texts, seq_len: int, cache_dir: Path) -> None:
        self.source, self.seq_len, self.cache_dir = source, seq_len, cache_dir
        self.val_examples = source.texts

    def prepare(self) -> None:
        """Nothing is to be done."""

    @property
    def fingerprint(self) -> str:
        """Hash of the texts."""
        return self.source.fingerprint(self.cache_dir)
