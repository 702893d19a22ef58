"""The data of stage=classify: single texts, pairs of texts, or choices, each with a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from lmlab.batch import LabelBatch
from lmlab.data.example_batch import filled, pad_of, rounded
from lmlab.data.example_data import ExampleData
from lmlab.data.sequences import Sequences, parts_of, sequence
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.labelled import LabelledSource, is_number
from lmlab.data.table.labelled import Labelled
from lmlab.data.tokenizer.tokenizer import Tokenizer


class Classification(ExampleData):
    """Labelled texts as LabelBatch.

    A decoder reads GPT-1's transforms: eos text cls; eos text sep other cls; of choices each. An
    encoder reads BERT's: cls text sep; cls text sep other sep. An encoder-decoder reads text eos;
    text sep other eos. both_orders: a pair is read twice, the second time the other way round.
    Texts that do not fit into seq_len lose their ends, the longer one first; `notes` count them.
    Source: rows S3-24 and S4-10, GPT-1 section 3.3; BERT figure 4.
    Differs: GPT-1's start, delimiter and extract are eos, sep and cls.
    """

    specials: ClassVar[str] = "marks"
    family: ClassVar[str] = "classification"
    # Values that have no effect on an architecture of that kind; refused before anything is built.
    idle_on: ClassVar[dict[str, dict[str, object]]] = {"encoder_decoder": {"both_orders": True}}
    train_examples: list[Sequences]
    val_examples: list[Sequences]

    def __init__(
        self,
        *,
        source: LabelledSource,
        seq_len: int,
        both_orders: bool,
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
        if seq_len < 8:
            raise ValueError(f"data.seq_len={seq_len} must be 8 or more")
        self.source, self.seq_len, self.both_orders = source, seq_len, both_orders
        self.kind, self.cache_dir = kind, cache_dir
        self.labels: list[str] = []
        self.label_tokens: list[np.ndarray] = []
        self.unknown: Counter[str] = Counter()

    @property
    def is_choice(self) -> bool:
        """Whether the right one of several answers is asked for."""
        return bool(self.train_examples[0].labelled.choices)

    @property
    def is_numeric(self) -> bool:
        """Whether every label is a number."""
        return not any(np.isnan(each.value) for each in [*self.train_examples, *self.val_examples])

    @property
    def mean_value(self) -> float:
        """The mean of the training labels that are numbers."""
        return float(np.mean([each.value for each in self.train_examples]))

    def prepare(self) -> None:
        """Read and encode. Raises: ValueError when a side is empty, or both_orders has no pairs."""
        settings = (self.seq_len, self.both_orders, self.kind)
        self.digest = hash_of_text(self.source.fingerprint(self.cache_dir), *settings)
        train, validation = self.source.train(), self.source.validation()
        self.labels = self.source.labels
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        for side, examples in (("training", train), ("validation", validation)):
            if not examples:
                raise ValueError(f"there is no {side} example in data.source.paths")
        if self.both_orders and len(train[0].texts) < 2:
            raise ValueError(
                "data.both_orders=true has no effect without pairs; set data.source.text_pair=COLUMN"
            )
        self.train_examples = self._encoded(train, 0, 1)
        self.val_examples = self._encoded(validation, -1, -1)
        self._encode_labels()
        self.notes += [*self.source.notes(), *self._truncated()]

    def _encode_labels(self) -> None:
        end = np.array([self.vocab.eos], np.int64)
        words = self.tokenizer.encode_batch(self.labels)
        self.label_tokens = [np.append(ids, end).astype(np.int64) for ids in words]

    def _encoded(self, examples: Sequence[Labelled], first: int, step: int) -> list[Sequences]:
        texts = list(dict.fromkeys(text for each in examples for text in each.content))
        ids = dict(zip(texts, self.tokenizer.encode_batch(texts), strict=True))
        found = []
        for place, each in enumerate(examples):
            parts = parts_of(each, ids, self.both_orders)
            made = [sequence(part, self.vocab, self.kind, self.seq_len) for part in parts]
            label, value = self._label(each)
            found.append(
                Sequences(
                    tuple(tokens for tokens, _, _ in made),
                    tuple(second for _, second, _ in made),
                    label,
                    value,
                    first + step * place,
                    any(cut for _, _, cut in made),
                    each,
                )
            )
        return found

    def _label(self, example: Labelled) -> tuple[int, float]:
        value = float(example.label) if is_number(example.label) else float("nan")
        if example.choices:
            return int(example.label), value
        number = self._numbers.get(example.label, -1)
        self.unknown += Counter([example.label] if number < 0 else [])
        return number, value

    def _truncated(self) -> list[str]:
        lines = []
        for side, examples in (
            ("training", self.train_examples),
            ("validation", self.val_examples),
        ):
            cut = sum(each.cut for each in examples)
            if cut:
                lines.append(
                    f"{cut} of {len(examples)} {side} examples are longer than data.seq_len="
                    f"{self.seq_len} tokens and lost their ends"
                )
        return lines

    def collate(self, examples: list[Sequences], seeds: np.ndarray) -> LabelBatch:
        """(B, C, T): C the most sequences of an example, T the longest one rounded up to 8."""
        most = max(len(each.tokens) for each in examples)
        nothing = np.zeros(0, np.int64)
        rows = [
            tokens
            for each in examples
            for tokens in (*each.tokens, *[nothing] * (most - len(each.tokens)))
        ]
        seconds = [
            second
            for each in examples
            for second in (*each.seconds, *[self.seq_len] * (most - len(each.seconds)))
        ]
        lengths = np.array([len(row) for row in rows])
        width = rounded(int(lengths.max()), self.seq_len)
        tokens, real = filled(rows, width, pad_of(self.vocab))
        segments = real & (np.arange(width) >= np.array(seconds)[:, None])
        shape = (len(examples), most, width)
        arrays = (
            tokens.reshape(shape),
            lengths.reshape(shape[:2]),
            segments.reshape(shape).astype(np.int64),
            np.array([each.label for each in examples]),
            np.array([each.value for each in examples], np.float32),
            np.array([each.number for each in examples]),
        )
        return LabelBatch(*map(torch.from_numpy, arrays))

    def example(self, index: int) -> Sequences:
        """The example that a batch's index means."""
        return self.train_examples[index] if index >= 0 else self.val_examples[-1 - index]
