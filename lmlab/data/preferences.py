"""The data of reward models: answers to one prompt, in the order of a labeller."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from lmlab.batch import RankedBatch
from lmlab.data.chat_template import find_template
from lmlab.data.comparison import Comparison
from lmlab.data.conversation import Conversation, Turn
from lmlab.data.encode import Encode
from lmlab.data.example_batch import filled, pad_of, rounded
from lmlab.data.example_data import ExampleData
from lmlab.data.source.comparisons import Comparisons
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Ranked:
    """A comparison as tokens: K arrays of prompt and completion, best first.

    prompt_length: tokens before each completion; number: its place in the list, -1 - place for
    validation.
    """

    tokens: tuple[np.ndarray, ...]
    prompt_length: int
    number: int
    comparison: Comparison


class Preferences(ExampleData):
    """Comparisons of a source as RankedBatch, a prompt a row; a pair is K = 2, the chosen first.

    Comparisons with a response longer than seq_len tokens, its prompt included, are left out whole and
    counted in `notes`. labellers: the names behind `RankedBatch.labeller`.
    """

    specials: ClassVar[str] = "marks"
    family: ClassVar[str] = "comparisons"

    def __init__(
        self,
        *,
        source: Comparisons,
        seq_len: int,
        template: str,
        num_workers: int,
        validation_sequences: int,
        tokenizer: Tokenizer,
        kind: str,
        seed: int,
        step_sequences: int,
        world_size: int,
        rank: int,
        cache_dir: Path,
    ) -> None:
        super().__init__(
            tokenizer=tokenizer,
            num_workers=num_workers,
            validation_sequences=validation_sequences,
            seed=seed,
            step_sequences=step_sequences,
            world_size=world_size,
            rank=rank,
        )
        if kind == "encoder_decoder":
            raise ValueError(
                "this data gives one sequence a completion, which an encoder-decoder does not read; "
                "choose a decoder: arch=gpt_tiny"
            )
        self.source, self.seq_len, self.cache_dir = source, seq_len, cache_dir
        self.template = find_template(template, tokenizer)
        self.encode = Encode(tokenizer, self.template, "response")
        self.labellers: list[str] = []

    def prepare(self) -> None:
        """Read and encode. Raises: ValueError when nothing is left to train or validate on."""
        settings = (self.template.source, self.seq_len)
        self.digest = hash_of_text(self.source.fingerprint(self.cache_dir), *settings)
        train, validation = self.source.train(), self.source.validation()
        names = {each.labeller for each in [*train, *validation]} - {""}
        self.labellers = sorted(names)
        self.train_examples = self._encoded(train, "training")
        self.val_examples = self._encoded(validation, "validation")
        self.notes += self.source.notes()

    def _encoded(self, comparisons: list[Comparison], side: str) -> list[Ranked]:
        conversations = [
            Conversation((*each.prompt, Turn("assistant", response)))
            for each in comparisons
            for response in each.responses
        ]
        encoded = iter(self.encode(conversations))
        found, long_prompts = [], 0
        for place, each in enumerate(comparisons):
            parts = [next(encoded) for _ in each.responses]
            if not all(part.continues_prompt for part in parts):
                raise ValueError(
                    "data.template does not go on where a prompt ends; set data.template=chatml"
                )
            tokens = tuple(part.tokens for part in parts)
            long_prompts += len(parts[0].prompt) >= self.seq_len
            if max(map(len, tokens)) <= self.seq_len:
                number = place if side == "training" else -1 - place
                found.append(Ranked(tokens, len(parts[0].prompt), number, each))
        self._report(len(comparisons) - len(found), long_prompts, len(comparisons), side)
        return found

    def _report(self, left_out: int, long_prompts: int, total: int, side: str) -> None:
        if left_out:
            self.notes.append(
                f"{left_out} of {total} {side} comparisons are longer than data.seq_len="
                f"{self.seq_len} tokens and were left out ({long_prompts} by their prompt alone)"
            )
        if left_out == total:
            hint = "set data.seq_len higher" if total else "the source gives none"
            raise ValueError(f"no {side} comparison is left of {total}; {hint}")

    def collate(self, examples: list[Ranked], seeds: np.ndarray) -> RankedBatch:
        """(B, K, T): K is the largest number of responses in the batch, T its longest, rounded up."""
        most = max(len(each.tokens) for each in examples)
        nothing = np.zeros(0, np.int64)
        rows = [
            tokens
            for each in examples
            for tokens in (*each.tokens, *[nothing] * (most - len(each.tokens)))
        ]
        lengths = np.array([len(row) for row in rows]).reshape(len(examples), most)
        width = rounded(int(lengths.max()), self.seq_len)
        tokens, real = filled(rows, width, pad_of(self.vocab))
        shape = (len(examples), most, width)
        starts = np.array([each.prompt_length for each in examples])[:, None, None]
        mask = real.reshape(shape) & (np.arange(width) >= starts)
        ranks = np.full((len(examples), most), most, np.int64)
        for row, each in enumerate(examples):
            ranks[row, : len(each.tokens)] = each.comparison.ranks
        arrays: tuple[Any, ...] = (
            tokens.reshape(shape),
            lengths,
            mask,
            ranks,
            np.array([each.comparison.margin or 0.0 for each in examples], np.float32),
            np.array([self._labeller(each.comparison.labeller) for each in examples]),
            np.array([each.number for each in examples]),
        )
        return RankedBatch(*map(torch.from_numpy, arrays))

    def _labeller(self, name: str) -> int:
        return self.labellers.index(name) if name else -1
