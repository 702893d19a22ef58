"""The source `grammar`: random text whose entropy is known exactly."""

from __future__ import annotations

import string
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from lmlab.data.document import Piece, Source, pieces_of
from lmlab.data.source.content_hash import hash_of_text

ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits
MAX_STATES = 3000
BLOCK = 512  # documents drawn at once


class Grammar(Source):
    """Documents of a Markov chain over letters: the next letter depends on the last `order` ones.

    The end of a document is drawn too, with probability 1 / mean_length after every letter. With
    tokenizer=bytes a letter is a token, so the whole token stream, `eos` included, is one chain
    whose entropy rate is exact: no model's expected loss is below `entropy_rate_nats`.
    Source: row S4-41.
    """

    def __init__(
        self,
        *,
        num_symbols: int,
        order: int,
        concentration: float,
        num_documents: int,
        mean_length: float,
        seed: int,
    ) -> None:
        if not 2 <= num_symbols <= len(ALPHABET):
            raise ValueError(f"data.source.num_symbols={num_symbols} must be 2..{len(ALPHABET)}")
        num_states = sum(num_symbols**length for length in range(order + 1))
        if order < 1 or num_states > MAX_STATES:
            raise ValueError(
                f"data.source.order={order} with num_symbols={num_symbols} makes {num_states} "
                f"states; order must be 1 or more, with at most {MAX_STATES} states"
            )
        if concentration <= 0 or num_documents < 2 or mean_length < 2 or seed < 0:
            raise ValueError(
                "data.source needs concentration above 0, num_documents and mean_length of 2 or "
                f"more, seed of 0 or more; got {concentration}, {num_documents}, {mean_length}, {seed}"
            )
        self.num_symbols, self.order, self.concentration = num_symbols, order, concentration
        self.num_documents, self.end, self.seed = num_documents, 1.0 / mean_length, seed
        self.num_states = num_states

    @cached_property
    def letters(self) -> np.ndarray:
        """(states, symbols): probability of each letter after the last ones, if one follows.

        State 0 is a document's start, 1..S one letter, then two letters ... up to `order`.
        """
        rng = np.random.default_rng([self.seed, 0])
        shape = (self.num_states, self.num_symbols)
        weights = rng.standard_gamma(self.concentration, shape) + 1e-12
        return weights / weights.sum(axis=1, keepdims=True)

    @cached_property
    def next_state(self) -> np.ndarray:
        """(states, symbols) int64: where each letter leads."""
        symbols = np.arange(self.num_symbols)
        states = np.arange(self.num_states)[:, None]
        longer = states * self.num_symbols + 1 + symbols
        full_start = self.num_states - self.num_symbols**self.order
        kept = (states - full_start) % self.num_symbols ** (self.order - 1)
        rolled = full_start + kept * self.num_symbols + symbols
        return np.where(states >= full_start, rolled, longer)

    @cached_property
    def transitions(self) -> np.ndarray:
        """(states, symbols + 1): probability of each next token, `eos` last; no empty document."""
        ends = np.full((self.num_states, 1), self.end)
        ends[0] = 0.0
        return np.hstack([self.letters * (1.0 - ends), ends])

    @cached_property
    def stationary(self) -> np.ndarray:
        """(states,): how often the token stream is in each state; state 0 is `eos`."""
        chain = np.zeros((self.num_states, self.num_states))
        rows = np.arange(self.num_states)[:, None]
        np.add.at(chain, (rows, self.next_state), self.transitions[:, :-1])
        # Expected visits of one document, which starts in state 0 once.
        visits = np.linalg.solve((np.eye(self.num_states) - chain).T, np.eye(self.num_states)[0])
        return visits / visits.sum()

    @property
    def entropy_rate_nats(self) -> float:
        """Nats a token of the stream of tokenizer=bytes, the `eos` of every document included."""
        logs = np.log(np.where(self.transitions > 0, self.transitions, 1.0))
        return float(-(self.stationary[:, None] * self.transitions * logs).sum())

    @property
    def entropy_bits_per_byte(self) -> float:
        """Bits a byte of text, ends of documents included; it holds for every tokenizer."""
        return self.entropy_rate_nats / np.log(2) / (1.0 - float(self.stationary[0]))

    def pieces(self) -> Iterator[Piece]:
        for start in range(0, self.num_documents, BLOCK):
            for text in self._block(start, min(BLOCK, self.num_documents - start)):
                yield from pieces_of([text])

    def _block(self, start: int, number: int) -> list[str]:
        """`number` documents, drawn together letter by letter until the last one has ended."""
        rng = np.random.default_rng([self.seed, 1, start])
        limits = self.transitions.cumsum(axis=1)
        limits[:, -1] = 2.0  # rounding never leads beyond the last
        alive, state = np.arange(number), np.zeros(number, np.int64)
        drawn: list[list[str]] = [[] for _ in range(number)]
        while len(alive):
            symbol = (rng.random(len(alive))[:, None] >= limits[state]).sum(axis=1)
            going = symbol < self.num_symbols
            alive, symbol = alive[going], symbol[going]
            state = self.next_state[state[going], symbol]
            for document, letter in zip(alive.tolist(), symbol.tolist(), strict=True):
                drawn[document].append(ALPHABET[letter])
        return ["".join(letters) for letters in drawn]

    def notes(self) -> list[str]:
        return [
            f"entropy: {self.entropy_rate_nats:.4f} nats a token with tokenizer=bytes, "
            f"{self.entropy_bits_per_byte:.4f} bits a byte with any; no model is expected below it"
        ]

    def fingerprint(self, cache_dir: Path) -> str:
        settings = (self.order, self.num_documents, self.end, self.seed)
        return hash_of_text("grammar 1", np.__version__, *settings, self.letters.tobytes().hex())

    def size_bytes(self) -> int:
        return int(self.num_documents / self.end)
