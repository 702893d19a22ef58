"""The data of a token stream: tokenised once, read in an order that only the seed decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from torch.utils.data import DataLoader

from lmlab.batch import Batch, Vocab, Window
from lmlab.data.document import Source
from lmlab.data.loader import (
    Collate,
    Steps,
    TrainBatches,
    ValidationBatches,
    Windows,
    train_loader,
    validation_loader,
)
from lmlab.data.order import batch_of_step, merged
from lmlab.data.source.grammar import Grammar
from lmlab.data.token_cache import TokenCache, open_token_cache
from lmlab.data.token_writer import TRAIN, VALIDATION
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.tokenizer import Tokenizer


class Corpus(L.LightningDataModule):
    """Documents as one stream of tokens, cut into windows and collated by the objective.

    An item of the training loader is this rank's whole share of one optimizer step, without end.
    Step k takes samples kG to (k+1)G - 1 of a run, G = step_sequences: the same for every number of
    processes and workers. State: the step, and the batches that are left out.
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
        super().__init__()
        _check(seq_len, validation_fraction, validation_tokens, validation_sequences, num_workers)
        if step_sequences % world_size:
            raise ValueError(
                f"batch.tokens makes {step_sequences} sequences a step, which {world_size} "
                f"processes cannot share equally"
            )
        self.source, self.tokenizer, self.cache_dir = source, tokenizer, cache_dir
        self.seq_len, self.cross_documents = seq_len, cross_documents
        self.validation_fraction, self.validation_tokens = validation_fraction, validation_tokens
        self.validation_sequences, self.num_workers = validation_sequences, num_workers
        self.window, self.collate, self.seed = window, collate, seed
        self.step_sequences, self.world_size, self.rank = step_sequences, world_size, rank
        self.vocab: Vocab = tokenizer.vocab
        self.byte_lengths: np.ndarray | None = tokenizer.byte_lengths
        self.start_step = 0
        self.skipped: list[tuple[int, int]] = []
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

    def train_dataloader(self) -> DataLoader[Batch]:
        return train_loader(
            self.train_batches(), Steps(self._present_step, lambda: self.skipped), self.num_workers
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        return validation_loader(self.validation_batches())

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

    def _present_step(self) -> int:
        """The step that a loader starts at: the trainer's, which it has restored by then."""
        return (
            self.start_step
            if self.trainer is None
            else max(self.start_step, self.trainer.global_step)
        )

    # ---- state

    def leave_out(self, number: int) -> None:
        """Skip the next `number` batches of the step that was restored (0 if none was)."""
        first = batch_of_step(self.start_step, self.skipped)
        self.skipped = merged([*self.skipped, (first, first + number - 1)])

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self._present_step(),
            "fingerprint": self.fingerprint,
            "skipped": [list(pair) for pair in self.skipped],
            "order": self._order(),
        }

    def _order(self) -> dict[str, int]:
        """What decides the order of samples, by the settings that decide it."""
        return {
            "seed": self.seed,
            "data.seq_len": self.seq_len,
            "sequences of a step (batch.tokens / data.seq_len)": self.step_sequences,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue at the state's step. Raises: ValueError when data or order are not the same."""
        if state["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"the checkpoint was trained on other data: fingerprint {state['fingerprint'][:12]}, now "
                f"{self.fingerprint[:12]}. The text, the tokenizer or data.validation_fraction changed "
                f"since; start a new run with init_from=CHECKPOINT to train on the new data"
            )
        for name, now in self._order().items():
            then = state.get("order", {}).get(name, now)
            if then != now:
                raise ValueError(
                    f"the checkpoint's order of samples had {name}={then}, now it is {now}; to resume, "
                    f"it must be the same"
                )
        self.start_step = int(state["step"])
        self.skipped = merged((int(first), int(last)) for first, last in state["skipped"])


def _check(
    seq_len: int, fraction: float, tokens: int | None, sequences: int, num_workers: int
) -> None:
    if seq_len < 1:
        raise ValueError(f"data.seq_len={seq_len} must be 1 or more")
    if not 0 < fraction < 1:
        raise ValueError(f"data.validation_fraction={fraction} must be above 0 and below 1")
    if tokens is not None and tokens < 1:
        raise ValueError(f"data.validation_tokens={tokens} must be 1 or more; null takes all")
    if sequences < 1:
        raise ValueError(f"data.validation_sequences={sequences} must be 1 or more")
    if num_workers < 0:
        raise ValueError(f"data.num_workers={num_workers} must be 0 or more")
