"""What every tokenizer offers, and what those of the package `tokenizers` have in common."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from lmlab.batch import Vocab
from lmlab.data.document import Source
from lmlab.data.tokenizer.encoder import Encoder
from lmlab.data.tokenizer.encoder_pool import encode_in_processes, num_processes

EOS = "<|endoftext|>"
# How special tokens read that a vocabulary was extended by.
MARK_TEXT = {
    "pad": "<|pad|>",
    "mask": "<|mask|>",
    "cls": "<|cls|>",
    "sep": "<|sep|>",
    "turn_start": "<|im_start|>",
    "turn_end": "<|im_end|>",
}
# Batches of a corpus encoded in this process, before it is worth starting others.
BATCHES_ALONE = 4


class Tokenizer(ABC):
    """Text to ids and back. First the settings, then `prepare`, then everything else.

    No text gives a special id: a special string inside text is encoded as the text it is.
    """

    vocab: Vocab
    fingerprint: str
    byte_lengths: np.ndarray | None  # (V,) int64: bytes of text a token stands for, 0 if special
    base_size: int = 0  # tokens before `extend`; 0: it was not called

    def extend(self, vocab: Vocab) -> Self:
        """Take over a vocabulary that `Vocab.with_specials` made; text is encoded as before."""
        self.base_size = self.base_size or self.vocab.size
        if self.byte_lengths is not None:
            kept = self.byte_lengths[: self.base_size]
            self.byte_lengths = np.append(kept, np.zeros(vocab.size - len(kept), np.int64))
        self.vocab = vocab
        return self

    def added_text(self) -> dict[int, str]:
        """How the tokens read that `extend` added, by id, in order."""
        if not self.base_size:
            return {}
        named = [(getattr(self.vocab, name), text) for name, text in MARK_TEXT.items()]
        named += [(id_, f"<|span_{i}|>") for i, id_ in enumerate(self.vocab.sentinels)]
        return dict(sorted((i, text) for i, text in named if i is not None and i >= self.base_size))

    def word_starts(self) -> np.ndarray | None:
        """(V,) uint8: where words begin, as word_starts.py says; None if tokens do not tell."""
        from lmlab.data.tokenizer.word_starts import word_starts

        return word_starts(self)

    @abstractmethod
    def prepare(self, source: Source, cache_dir: Path) -> Self:
        """Read or train what is needed; the tokenizer itself, ready. Others of that kind do nothing."""

    @abstractmethod
    def encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        """(n,) integer ids for each text, without special tokens."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD, eos reads <|endoftext|>."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what is needed to encode and decode again."""

    def encode_stream(self, batches: Iterator[list[str]]) -> Iterator[list[np.ndarray]]:
        """The ids of batch after batch of texts; many batches are encoded in parallel."""
        return map(self.encode_batch, batches)


class BackendTokenizer(Tokenizer):
    """A tokenizer whose work the package `tokenizers` does, after `_use` was called."""

    _encoder: Encoder | None = None

    def _use(self, backend: Backend, vocab: Vocab, eos_text: str) -> None:
        self._json, self._eos_text = backend.to_str(), eos_text
        self._encoder = Encoder(self._json, by_word=splits_as_gpt2(json.loads(self._json)))
        self.vocab = vocab
        identity = json.dumps([self._json, vocab.size, vocab.eos])
        self.fingerprint = hashlib.sha256(identity.encode()).hexdigest()
        self.byte_lengths = byte_lengths(self._encoder.tokenizer, vocab)

    def _ready(self) -> Encoder:
        if self._encoder is None:
            raise RuntimeError(f"{type(self).__name__}.prepare was not called")
        return self._encoder

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        return self._ready()(texts)

    def encode_stream(self, batches: Iterator[list[str]]) -> Iterator[list[np.ndarray]]:
        yield from map(self.encode_batch, islice(batches, BATCHES_ALONE))
        more = next(batches, None)
        if more is None:
            return
        rest, number = chain([more], batches), num_processes()
        if number == 1:
            yield from map(self.encode_batch, rest)
        else:
            yield from encode_in_processes(self._json, self._ready().by_word, rest, number)

    def decode(self, ids: Iterable[int]) -> str:
        backend = self._ready().tokenizer
        special = {self.vocab.eos: self._eos_text} | self.added_text()
        texts: list[str] = []
        run: list[int] = []
        for token in ids:
            if int(token) in special:
                texts += [backend.decode(run, skip_special_tokens=False), special[int(token)]]
                run = []
            else:
                run.append(int(token))
        return "".join([*texts, backend.decode(run, skip_special_tokens=False)])

    def save(self, folder: Path) -> None:
        """tokenizer.json, with eos as a special token at its own id."""
        backend = Backend.from_str(Backend.from_str(self._json).to_str())
        if backend.token_to_id(self._eos_text) is None:
            backend.add_special_tokens([AddedToken(self._eos_text, special=True, normalized=False)])
        added = {self.vocab.eos: self._eos_text} | self.added_text()
        for text in self.added_text().values():
            backend.add_special_tokens([AddedToken(text, special=True, normalized=False)])
        for id_, text in added.items():
            if backend.token_to_id(text) != id_:
                raise RuntimeError(f"{text} would not get id {id_}")
        folder.mkdir(parents=True, exist_ok=True)
        backend.save(str(folder / "tokenizer.json"))


def byte_symbols() -> dict[str, int]:
    """The 256 characters that stand for bytes in byte-level vocabularies, and the bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    moved = {chr(256 + index): byte for index, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | moved


def byte_lengths(backend: Backend, vocab: Vocab) -> np.ndarray | None:
    """(V,) bytes of text each token stands for, special tokens 0; None if not a byte-level one."""
    decoder = json.loads(backend.to_str()).get("decoder") or {}
    if decoder.get("type") != "ByteLevel":
        return None
    symbols = byte_symbols()
    special = set(backend.get_added_tokens_decoder())
    lengths = np.zeros(vocab.size, np.int64)
    for token, index in backend.get_vocab(with_added_tokens=True).items():
        if index in special or index == vocab.eos:
            continue
        if not set(token) <= symbols.keys():
            return None
        lengths[index] = len(token)
    return lengths


def splits_as_gpt2(settings: dict[str, Any]) -> bool:
    """Whether a tokenizer.json splits text by GPT-2's rule and by nothing else."""
    split = settings.get("pre_tokenizer") or {}
    return (
        settings.get("normalizer") is None
        and split.get("type") == "ByteLevel"
        and split.get("use_regex", True)
        and not split.get("add_prefix_space")
        and settings["model"].get("dropout") is None
        and all(token["special"] for token in settings.get("added_tokens", []))
    )
