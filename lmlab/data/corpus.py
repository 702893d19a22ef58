"""The data of a token stream: tokenised once, read in an order that only the seed decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmlab.batch import Vocab, Window
from lmlab.data.document import Source
from lmlab.data.loader import (
    Collate,
    TrainBatches,
    ValidationBatches,
    Windows,
)
from lmlab.data.ordered import Ordered
from lmlab.data.source.grammar import Grammar
from lmlab.data.token_cache import TokenCache, open_token_cache
from lmlab.data.token_writer import TRAIN, VALIDATION
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.tokenizer import Tokenizer


class Corpus(Ordered):
    """Documents as one stream of tokens, cut into windows and collated by the objective.

    cross_documents: whether attention may look into other documents of a window.
    """

    def __init__(
        self,
        *,
        source: Source,
        seq_len: int,
        cross_documents: bool,
        validation_fraction: float,
        validation_tokens: int | None,
        validation_sequences: int,
        num_workers: int,
        tokenizer: Tokenizer,
        window: Window,
        collate: Collate,
        seed: int,
        step_sequences: int,
        world_size: int,
        rank: int,
        cache_dir: Path,
    ) -> None:
        super().__init__(
            num_workers=num_workers,
            seed=seed,
            step_sequences=step_sequences,
            world_size=world_size,
            rank=rank,
        )
        _check(seq_len, validation_fraction, validation_tokens, validation_sequences)
        self.source, self.tokenizer, self.cache_dir = source, tokenizer, cache_dir
        self.seq_len, self.cross_documents = seq_len, cross_documents
        self.validation_fraction, self.validation_tokens = validation_fraction, validation_tokens
        self.validation_sequences = validation_sequences
        self.window, self.collate = window, collate
        self.vocab: Vocab = tokenizer.vocab
        self.byte_lengths: np.ndarray | None = tokenizer.byte_lengths
        self._cache: TokenCache | None = None

    def prepare(self) -> None:
        """Tokenise the text, or open what was tokenised before. Raises: ValueError for too little."""
        self._cache = open_token_cache(
            self.source, self.tokenizer, self.validation_fraction, self.cache_dir
        )
        if self.num_train_tokens < self.window.length:
            raise ValueError(
                f"data.seq_len={self.seq_len} needs {self.window.length} tokens of training text, "
                f"there are {self.num_train_tokens}; set data.seq_len="
                f"{max(1, self.num_train_tokens - 1)} or less, or give more text"
            )

    @property
    def cache(self) -> TokenCache:
        """The tokenised corpus. Raises: RuntimeError before `prepare`."""
        if self._cache is None:
            raise RuntimeError("Corpus.prepare was not called")
        return self._cache

    @property
    def fingerprint(self) -> str:
        """Hash of the text, the tokenizer and the split."""
        return self.cache.fingerprint

    @property
    def num_train_tokens(self) -> int:
        """Tokens of the training stream, which are one epoch."""
        return self.cache.num_tokens(TRAIN)

    @property
    def num_val_tokens(self) -> int:
        """Tokens of the validation stream, whether or not all are used."""
        return self.cache.num_tokens(VALIDATION)

    @property
    def notes(self) -> list[str]:
        """What there is to say about the text: epochs of a mixture, how one document was split."""
        return list(self.cache.meta["notes"])

    @property
    def entropy_rate_nats(self) -> float | None:
        """The lowest reachable loss a token where it is known: data=grammar with tokenizer=bytes."""
        known = isinstance(self.source, Grammar) and isinstance(self.tokenizer, Bytes)
        return self.source.entropy_rate_nats if known else None  # type: ignore[attr-defined]

    def train_batches(self) -> TrainBatches:
        """The shares of this rank by batch number."""
        return TrainBatches(
            self._windows(TRAIN),
            self.collate,
            self.cross_documents,
            self.seed,
            self.step_sequences,
            self.rank,
            self.world_size,
        )

    def validation_batches(self) -> ValidationBatches:
        """The validation batches of this rank."""
        windows = self._windows(VALIDATION)
        most = len(windows)
        if self.validation_tokens is not None:
            most = min(most, max(1, self.validation_tokens // self.window.stride))
        return ValidationBatches(
            windows,
            self.collate,
            self.cross_documents,
            self.seed,
            most,
            min(self.validation_sequences, self.step_sequences // self.world_size),
            self.rank,
            self.world_size,
        )

    def _windows(self, side: str) -> Windows:
        return Windows(self.cache, side, self.window, self.vocab.eos)

    def _order(self) -> dict[str, int]:
        return super()._order() | {"data.seq_len": self.seq_len}


def _check(seq_len: int, fraction: float, tokens: int | None, sequences: int) -> None:
    if seq_len < 1:
        raise ValueError(f"data.seq_len={seq_len} must be 1 or more")
    if not 0 < fraction < 1:
        raise ValueError(f"data.validation_fraction={fraction} must be above 0 and below 1")
    if tokens is not None and tokens < 1:
        raise ValueError(f"data.validation_tokens={tokens} must be 1 or more; null takes all")
    if sequences < 1:
        raise ValueError(f"data.validation_sequences={sequences} must be 1 or more")
