"""Data that is a finite list of examples: rows of a table, conversations, comparisons."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from lmlab.batch import Batch, Vocab
from lmlab.data import order
from lmlab.data.loader import Examples, TrainBatches
from lmlab.data.ordered import Ordered
from lmlab.data.tokenizer.tokenizer import Tokenizer
from lmlab.data.window import ceil_div


class ExampleData(Ordered):
    """A data module over `train_examples` and `val_examples`, which `prepare` sets.

    A subclass writes `prepare` (which also sets `digest`, a hash of the examples) and `collate`.
    validation_sequences: examples of a validation batch on one device, at most.
    """

    train_examples: Examples
    val_examples: Examples
    digest: str = ""
    entropy_rate_nats: float | None = None

    def __init__(
        self,
        *,
        tokenizer: Tokenizer,
        num_workers: int,
        validation_sequences: int,
        seed: int,
        step_sequences: int,
        world_size: int,
        rank: int,
    ) -> None:
        super().__init__(
            num_workers=num_workers,
            seed=seed,
            step_sequences=step_sequences,
            world_size=world_size,
            rank=rank,
        )
        if validation_sequences < 1:
            raise ValueError(f"data.validation_sequences={validation_sequences} must be 1 or more")
        self.tokenizer, self.validation_sequences = tokenizer, validation_sequences
        self.vocab: Vocab = tokenizer.vocab
        self.notes: list[str] = []

    @abstractmethod
    def prepare(self) -> None:
        """Read the examples. Raises: ValueError for too few, and for what cannot be read."""

    @abstractmethod
    def collate(self, examples: list[Any], seeds: np.ndarray) -> Batch:
        """A batch of examples; seeds (B,) uint64 are its only randomness."""

    @property
    def fingerprint(self) -> str:
        """Hash of the examples and the tokenizer."""
        both = f"{self.digest} {self.tokenizer.fingerprint}"
        return hashlib.sha256(both.encode()).hexdigest()

    @property
    def num_train_examples(self) -> int:
        """Examples of one epoch."""
        return len(self.train_examples)

    def train_batches(self) -> TrainBatches:
        return TrainBatches(
            self.train_examples,
            lambda examples, seeds, _: self.collate(examples, seeds),
            False,
            self.seed,
            self.step_sequences,
            self.rank,
            self.world_size,
        )

    def validation_batches(self) -> Sequence[Batch]:
        return ExampleValidation(self)


class ExampleValidation(Sequence[Batch]):
    """Every validation example once, in contiguous shares of equally many batches a rank."""

    def __init__(self, data: ExampleData) -> None:
        self.data = data
        total, world = len(data.val_examples), data.world_size
        if total < world:
            raise ValueError(f"{total} validation examples cannot be shared by {world} processes")
        most = ceil_div(ceil_div(total, world), data.validation_sequences)
        share = np.array_split(np.arange(total), world)[data.rank]
        self.parts = np.array_split(share, min(most, total // world))

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        chosen = self.parts[index]
        examples = [self.data.val_examples[number] for number in chosen.tolist()]
        seeds = order.noise_seeds(self.data.seed, order.VALIDATION_EPOCH, chosen)
        return self.data.collate(examples, seeds)
