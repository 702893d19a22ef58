"""Texts to token ids through the package `tokenizers`; imports no torch, so workers start fast."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import numpy as np
from tokenizers import Tokenizer

from lmlab.data.tokenizer.word_pattern import WORD, runs

# Words whose ids are kept; about 300 bytes each.
KEPT_WORDS = 150_000


class Encoder:
    """Plain text to ids: special strings in it are encoded as text, and none are added.

    by_word: the tokenizer splits text by GPT-2's rule first, so a word's ids can be kept.
    """

    def __init__(self, json_text: str, by_word: bool) -> None:
        self.tokenizer = Tokenizer.from_str(json_text)
        self.tokenizer.encode_special_tokens = True
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.by_word = by_word
        self.kept: dict[str, list[int]] = {}

    def __call__(self, texts: list[str]) -> list[np.ndarray]:
        """(n,) uint32 for each text."""
        if self.by_word:
            return [self._by_word(text) for text in texts]
        return [np.array(ids, np.uint32) for ids in self._plain(texts)]

    def _plain(self, texts: list[str]) -> Iterable[list[int]]:
        batch = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return (encoding.ids for encoding in batch)

    def _by_word(self, text: str) -> np.ndarray:
        parts: list[Iterable[int]] = []
        for sure, run in runs(text):
            if not sure:
                parts.extend(self._plain([run]))
                continue
            words = WORD.findall(run)
            new = [word for word in set(words) if word not in self.kept]
            if len(self.kept) + len(new) > KEPT_WORDS:
                self.kept, new = {}, list(set(words))
            self.kept.update(zip(new, self._plain(new), strict=True))
            parts.append(chain.from_iterable(map(self.kept.__getitem__, words)))
        return np.fromiter(chain.from_iterable(parts), np.uint32)
