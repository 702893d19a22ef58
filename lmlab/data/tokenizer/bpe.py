"""The tokenizer `bpe`: byte-level byte-pair encoding, trained on the corpus itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from lmlab.batch import Vocab
from lmlab.data.document import Source
from lmlab.data.tokenizer.tokenizer import EOS, BackendTokenizer
from lmlab.once import made_once
from lmlab.say import say

# More than this many samples' worth of text is not read to choose the sample from.
READ_AT_MOST = 64


class Bpe(BackendTokenizer):
    """Bytes, then merges learned from a sample of the corpus, then `eos` as the last id.

    The trained tokenizer is kept by what it was trained from, so the same corpus, size and
    sample_mb always give the same one. Units: size in tokens, sample_mb in millions of characters.
    Source: GPT-2 section 2.2. Differs: trained on at most sample_mb of text.
    """

    def __init__(self, *, size: int, sample_mb: float) -> None:
        if not 257 <= size <= 1_000_000:
            raise ValueError(
                f"tokenizer.size={size} must be 257 (256 bytes and eos) to 1000000; with 257 it is "
                f"the same as tokenizer=bytes"
            )
        if sample_mb <= 0:
            raise ValueError(f"tokenizer.sample_mb={sample_mb} must be above 0")
        self.size, self.sample_mb = size, sample_mb

    def prepare(self, source: Source, cache_dir: Path) -> Self:
        """Train, unless the same tokenizer is already in cache_dir.

        Raises: ValueError when the text has too few repeated pairs for so many tokens.
        """
        made_from = [
            source.fingerprint(cache_dir),
            self.size,
            self.sample_mb,
            tokenizers.__version__,
        ]
        key = hashlib.sha256(json.dumps(["bpe 1", *made_from]).encode()).hexdigest()
        folder = cache_dir / "tokenizers" / key[:32]
        made_once(folder, "training a tokenizer", _intact, lambda new: self._train(source, new))
        backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._use(backend, Vocab(size=self.size, eos=self.size - 1), EOS)
        return self

    def _train(self, source: Source, folder: Path) -> None:
        texts = sample(source, int(self.sample_mb * 1e6))
        chars = sum(map(len, texts))
        if not chars:
            raise ValueError("data.source has no text to make a tokenizer of; are its files empty?")
        say(f"training a BPE tokenizer of {self.size} tokens on {chars / 1e6:.1f} M characters")
        backend = byte_level(models.BPE())
        backend.train_from_iterator(
            texts,
            trainers.BpeTrainer(
                vocab_size=self.size - 1,
                min_frequency=2,
                show_progress=False,
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            ),
        )
        found = backend.get_vocab_size() + 1
        if found != self.size:
            raise ValueError(
                f"tokenizer.size={self.size}: this text has repeated pairs for only {found} tokens; "
                f"set tokenizer.size={found} or less, or tokenizer=bytes"
            )
        text = backend.to_str()
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
        (folder / "sha256").write_text(hashlib.sha256(text.encode()).hexdigest())


def byte_level(model: models.Model) -> tokenizers.Tokenizer:
    """A tokenizer that splits as GPT-2 does and works on bytes."""
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return backend


def sample(source: Source, num_chars: int) -> list[str]:
    """Texts from all over the corpus, num_chars to twice as many characters, the same every time.

    Every n-th piece is kept; whenever they are too many, every second goes and n doubles.
    """
    kept: list[str] = []
    stride, chars = 1, 0
    for index, text in enumerate(_limited(source, READ_AT_MOST * num_chars)):
        if index % stride:
            continue
        kept.append(text)
        chars += len(text)
        while chars > 2 * num_chars and len(kept) > 1:
            kept, stride = kept[::2], 2 * stride
            chars = sum(map(len, kept))
    return kept


def _limited(source: Source, num_chars: int) -> Iterator[str]:
    for piece in source.pieces():
        yield piece.text
        num_chars -= len(piece.text)
        if num_chars <= 0:
            return


def _intact(folder: Path) -> bool:
    try:
        text = (folder / "tokenizer.json").read_bytes()
        return hashlib.sha256(text).hexdigest() == (folder / "sha256").read_text()
    except OSError:
        return False
