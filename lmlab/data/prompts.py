"""The data of policies: prompts, and what is known about a good answer to each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lmlab.batch import PromptBatch
from lmlab.data.chat_template import find_template
from lmlab.data.comparison import Comparison
from lmlab.data.conversation import Conversation, Turn
from lmlab.data.encode import Encode
from lmlab.data.endless import Pools, in_pools
from lmlab.data.example_batch import prompt_batch
from lmlab.data.example_data import ExampleData
from lmlab.data.loader import TrainBatches
from lmlab.data.source.comparisons import Comparisons
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.conversations import Conversations
from lmlab.data.task.gold import gold_score
from lmlab.data.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as tokens (p,) int64, and the number by which `Prompts.conversation` finds its text."""

    tokens: np.ndarray
    number: int

    @property
    def length(self) -> int:
        """Tokens of the prompt."""
        return len(self.tokens)


class Prompts(ExampleData):
    """Prompts of conversations or of comparisons as PromptBatch.

    max_prompt_tokens: longer prompts are left out and counted in `notes`; null: half of seq_len.
    seq_len: tokens of a prompt and its answer together.
    """

    specials: ClassVar[str] = "marks"
    family: ClassVar[str] = "prompts"

    def __init__(
        self,
        *,
        source: Conversations | Comparisons,
        seq_len: int,
        max_prompt_tokens: int | None,
        template: str,
        num_workers: int,
        validation_sequences: int,
        tokenizer: Tokenizer,
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
        limit = seq_len // 2 if max_prompt_tokens is None else max_prompt_tokens
        if not 1 <= limit < seq_len:
            raise ValueError(
                f"data.max_prompt_tokens={limit} must be 1 to below data.seq_len={seq_len}, so that "
                f"an answer has room"
            )
        self.source, self.seq_len, self.limit = source, seq_len, limit
        self.cache_dir = cache_dir
        self.template = find_template(template, tokenizer)
        self.encode = Encode(tokenizer, self.template, "response")
        self._train: list[Conversation] = []
        self._validation: list[Conversation] = []

    @property
    def num_train_examples(self) -> int | None:  # type: ignore[override]
        """Prompts of one epoch; None for a source without end."""
        return None if isinstance(self.train_examples, Pools) else len(self.train_examples)

    @property
    def stop_ids(self) -> list[int]:
        """Tokens that end an answer."""
        return sorted({self.vocab.eos, int(self.encode(self._validation[:1])[0].tokens[-1])})

    def prepare(self) -> None:
        """Read and encode. Raises: ValueError when nothing is left to validate on."""
        settings = (self.template.source, self.seq_len, self.limit)
        self.digest = hash_of_text("prompts", self.source.fingerprint(self.cache_dir), *settings)
        if isinstance(self.source, Comparisons):
            self._validation = [answered(each) for each in self.source.validation()]
            self._train = [answered(each) for each in self.source.train()]
        else:
            self._validation = self.source.validation()
            self._train = [self.source.train(each) for each in range(self.source.num_train or 0)]
        validation = range(-1, -1 - len(self._validation), -1)
        self.val_examples = self._short_enough(self._numbered(validation), "validation")
        if isinstance(self.source, Comparisons) or self.source.num_train is not None:
            training = self._numbered(range(len(self._train)))
            self.train_examples = self._short_enough(training, "training")
        else:
            self.train_examples = Pools(self._numbered, self.limit, packed=False)
            self.train_examples.pool(0)
            pools = self.train_examples
            self._report(pools.num_too_long, pools.num_drawn, "training")
        self.notes += self.source.notes()

    def conversation(self, number: int) -> Conversation:
        """Prompt, accepted answers, task and category behind a number of `PromptBatch.index`."""
        if number < 0:
            return self._validation[-1 - number]
        if isinstance(self.source, Comparisons) or self.source.num_train is not None:
            return self._train[number]
        return self.source.train(number)

    def training(self, most: int) -> PromptBatch | None:
        """The first `most` training prompts, those that are too long left out; None without any."""
        if isinstance(self.train_examples, Pools):
            found = [each for each in self._numbered(range(most)) if each.length <= self.limit]
        else:
            found = [self.train_examples[at] for at in range(min(most, len(self.train_examples)))]
        return self.collate(found, np.zeros(len(found), np.uint64)) if found else None

    def gold(self, number: int, answer: str) -> float:
        """The hidden score of an answer to a prompt, 0..1; only to be logged."""
        about = self.conversation(number)
        return gold_score(answer, about.accepted, about.answer)

    def asked(self, texts: list[str]) -> list[np.ndarray]:
        """Other texts as prompts, each a user's turn: tokens (p,) int64."""
        return self.encode.prompts([(Turn("user", text),) for text in texts])

    def _numbered(self, numbers: range) -> list[Any]:
        prompts = self.encode.prompts([self.conversation(number).prompt for number in numbers])
        return [Prompt(tokens, number) for tokens, number in zip(prompts, numbers, strict=True)]

    def _short_enough(self, prompts: list[Prompt], side: str) -> list[Prompt]:
        left = [each for each in prompts if each.length <= self.limit]
        self._report(len(prompts) - len(left), len(prompts), side)
        if not left and side == "validation":
            raise ValueError(
                f"data.max_prompt_tokens={self.limit} leaves no {side} prompt of {len(prompts)}"
            )
        return left

    def check_trainable(self) -> None:
        """Raises: ValueError where there is no prompt to train on, as in files to evaluate with."""
        if self.num_train_examples != 0:
            return
        if self._train:
            raise ValueError(
                f"data.max_prompt_tokens={self.limit} leaves no training prompt of {len(self._train)}"
            )
        raise ValueError(
            "data.source gives no prompt to train on, only some to evaluate with (as BIG-bench files "
            "do); choose other data, or a stage that trains nothing: stage=generate, stage=best_of_n"
        )

    def _report(self, number: int, of: int, side: str) -> None:
        if number:
            self.notes.append(
                f"{number} of {of} {side} prompts are longer than data.max_prompt_tokens="
                f"{self.limit} and were left out"
            )

    def collate(self, examples: list[Prompt], seeds: np.ndarray) -> PromptBatch:
        """Prompts padded on the right to the longest, rounded up."""
        numbers = [each.number for each in examples]
        return prompt_batch([each.tokens for each in examples], numbers, self.limit, self.vocab)

    def train_batches(self) -> TrainBatches:
        batches = super().train_batches()
        return in_pools(batches) if isinstance(self.train_examples, Pools) else batches


def answered(comparison: Comparison) -> Conversation:
    """The prompt of a comparison with its best answer."""
    return Conversation(
        (*comparison.prompt, Turn("assistant", comparison.responses[0])),
        task=comparison.task,
        category=comparison.category,
        references=comparison.references,
        answer=comparison.answer,
    )
