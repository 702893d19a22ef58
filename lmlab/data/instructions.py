"""The data of instruction tuning: conversations, packed into rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from lmlab.batch import Seq2SeqBatch, TokenBatch
from lmlab.data.chat_template import find_template
from lmlab.data.encode import Encode, Encoded
from lmlab.data.endless import Pools, in_pools
from lmlab.data.example_batch import packed_batch, rounded, seq2seq_batch
from lmlab.data.example_data import ExampleData
from lmlab.data.loader import TrainBatches
from lmlab.data.pack import pack
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.conversations import Conversations
from lmlab.data.tokenizer.tokenizer import Tokenizer


class Instructions(ExampleData):
    """Conversations of a source as batches: packed rows for a decoder, pairs for an encoder-decoder.

    A training example is a row, that is a list of whole conversations; a validation example is one
    `Encoded`, with its prompt, accepted answers, task and category for whoever generates.
    template: see find_template; loss: on the `response` or on `all`; packing: whole conversations
    share a row without seeing each other; prefix_attention: on a decoder, a prompt's tokens all see
    one another. Longer than a row: left out and counted in `notes`.
    An encoder-decoder reads all turns but the last answer and learns that one: earlier answers are
    only read, and loss=all and prefix_attention, which would have no effect, are refused.
    """

    specials: ClassVar[str] = "marks"
    family: ClassVar[str] = "conversations"
    # Values that have no effect on an architecture of that kind; refused before anything is built.
    idle_on: ClassVar[dict[str, dict[str, object]]] = {
        "encoder_decoder": {"loss": "all", "prefix_attention": True}
    }

    def __init__(
        self,
        *,
        source: Conversations,
        seq_len: int,
        template: str,
        loss: Literal["response", "all"],
        packing: bool,
        prefix_attention: bool,
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
        if seq_len < 2:
            raise ValueError(f"data.seq_len={seq_len} must be 2 or more")
        for key, value in self.idle_on.get(kind, {}).items():
            if {"loss": loss, "prefix_attention": prefix_attention}[key] == value:
                raise ValueError(
                    f"data.{key}={value} has no effect on an architecture that is {kind}: its encoder "
                    "sees all of the prompt, and its decoder writes the last answer alone"
                )
        self.source, self.seq_len, self.loss, self.kind = source, seq_len, loss, kind
        self.cache_dir = cache_dir
        self.packing = packing and kind != "encoder_decoder"
        self.prefix_attention = prefix_attention
        self.template = find_template(template, tokenizer)
        self.encode = Encode(tokenizer, self.template, loss)

    @property
    def stop_ids(self) -> list[int]:
        """Tokens that end an answer."""
        return sorted({self.vocab.eos, int(self.val_examples[0].tokens[-1])})

    @cached_property
    def held_out_tasks(self) -> set[str]:
        """Tasks that only the validation examples are of."""
        return self.source.held_out_tasks()

    @property
    def num_train_examples(self) -> int | None:  # type: ignore[override]
        """Rows of one epoch; None for a source without end."""
        return None if isinstance(self.train_examples, Pools) else len(self.train_examples)

    def prepare(self) -> None:
        """Read, encode and pack. Raises: ValueError when nothing is left to train or validate on."""
        settings = (self.template.source, self.loss, self.seq_len, self.packing, self.kind)
        self.digest = hash_of_text(self.source.fingerprint(self.cache_dir), *settings)
        self.val_examples = self._short_enough(self.encode(self.source.validation()), "validation")
        if self.source.num_train is None:
            self.train_examples = Pools(self._numbered, self.seq_len, self.packing)
            self.train_examples.pool(0)
            if self.train_examples.num_too_long:
                self._note_too_long(
                    self.train_examples.num_too_long, self.train_examples.num_drawn, "training"
                )
        else:
            self.train_examples = self._rows(self._numbered(range(self.source.num_train)))
        self.notes += self.source.notes()

    def _numbered(self, numbers: range) -> list[Encoded]:
        return self.encode([self.source.train(number) for number in numbers])

    def _rows(self, encoded: list[Encoded]) -> Sequence[Any]:
        """Training rows of a finite list."""
        examples = self._short_enough(encoded, "training")
        if not self.packing:
            return examples
        rows = pack([each.length for each in examples], self.seq_len)
        used = sum(each.length for each in examples) / (len(rows) * self.seq_len)
        self.notes.append(
            f"{len(examples)} conversations in {len(rows)} rows of {self.seq_len} tokens, "
            f"{used:.3f} of the places used"
        )
        return [[examples[index] for index in row] for row in rows]

    def _short_enough(self, encoded: list[Encoded], side: str) -> list[Encoded]:
        left = [each for each in encoded if self._fits(each)]
        if len(left) < len(encoded):
            self._note_too_long(len(encoded) - len(left), len(encoded), side)
        if not left:
            raise ValueError(
                f"data.seq_len={self.seq_len} leaves no {side} conversation of {len(encoded)}"
                + ("; set it higher" if encoded else "; the source gives none")
            )
        return left

    def _fits(self, example: Encoded) -> bool:
        if self.kind != "encoder_decoder":
            return example.length <= self.seq_len
        if not example.continues_prompt:
            raise ValueError(
                "data.template does not go on where a prompt ends; set data.template=chatml"
            )
        answer = len(example.tokens) - len(example.prompt)
        return max(len(example.prompt) + 1, answer) <= self.seq_len

    def _note_too_long(self, number: int, of: int, side: str) -> None:
        self.notes.append(
            f"{number} of {of} {side} conversations are longer than data.seq_len={self.seq_len} "
            f"tokens and were left out"
        )

    def collate(self, examples: list[Any], seeds: np.ndarray) -> TokenBatch | Seq2SeqBatch:
        """Packed rows fill their width; single conversations are as wide as the longest."""
        if self.kind == "encoder_decoder":
            sources = max(len(each.prompt) + 1 for each in examples)
            answers = max(len(each.tokens) - len(each.prompt) for each in examples)
            widths = rounded(sources, self.seq_len), rounded(answers, self.seq_len)
            return seq2seq_batch(examples, *widths, self.vocab)
        if isinstance(examples[0], Encoded):
            width = rounded(max(each.length for each in examples), self.seq_len)
            rows = [[each] for each in examples]
            return packed_batch(rows, width, self.vocab, self.prefix_attention)
        return packed_batch(examples, self.seq_len, self.vocab, self.prefix_attention)

    def train_batches(self) -> TrainBatches:
        batches = super().train_batches()
        return in_pools(batches) if isinstance(self.train_examples, Pools) else batches
