"""From prompts to answers as tokens and as text, with what is known about a good answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from lmlab.batch import PromptBatch, mix
from lmlab.rollout.pick import Sampling
from lmlab.rollout.rollout import Rollout
from lmlab.rollout.sample import sample

# Salts: the same integers mean other draws in training and in validation.
TRAINING, VALIDATION = 0x726F6C6C, 0x76616C69


@dataclass(frozen=True, slots=True)
class Answers:
    """R answers, a prompt's samples together.

    numbers: of each answer's prompt in the data; prompts: the last thing that was asked; texts: the
    answers without their end mark; accepted: an answer known to be right, None where none is.
    """

    rollout: Rollout
    numbers: list[int]
    prompts: list[str]
    texts: list[str]
    accepted: list[str | None]


class Answering:
    """Draws answers to the prompts of a data module and reads them.

    data: `conversation(number)` and `stop_ids`; tokenizer: `vocab` and `decode`.
    """

    def __init__(self, data: Any, tokenizer: Any) -> None:
        self.data, self.tokenizer = data, tokenizer
        self.vocab = tokenizer.vocab
        self.stop = tuple(data.stop_ids)
        self.pad = self.vocab.eos if self.vocab.pad is None else self.vocab.pad

    def draw(
        self, arch: Any, batch: PromptBatch, sampling: Sampling, seeds: np.ndarray, num_samples: int
    ) -> Answers:
        """`num_samples` answers to each prompt of the data, read; as `rollout`."""
        rollout = self.rollout(arch, batch, sampling, seeds, num_samples)
        numbers = [number for number in batch.index.tolist() for _ in range(num_samples)]
        return self.read(rollout, numbers)

    def rollout(
        self, arch: Any, batch: PromptBatch, sampling: Sampling, seeds: np.ndarray, num_samples: int
    ) -> Rollout:
        """`num_samples` answers to each prompt; seeds (B,) uint64 are all the randomness."""
        return sample(
            arch,
            self.prompts(batch),
            sampling=sampling,
            seeds=seeds,
            num_samples=num_samples,
            stop=self.stop,
            pad=self.pad,
            source_end=self.vocab.eos,  # as in fine-tuning
        )

    def prompts(self, batch: PromptBatch) -> list[Tensor]:
        """Each prompt (p,) without padding."""
        rows = zip(batch.tokens, batch.lengths.tolist(), strict=True)
        return [row[:length] for row, length in rows]

    def read(self, rollout: Rollout, numbers: list[int]) -> Answers:
        """The texts of a rollout and what the data know about their prompts."""
        about = {number: self.data.conversation(number) for number in set(numbers)}
        texts = [self.text(tokens.tolist()) for tokens in rollout.responses()]
        prompts = [about[number].prompt[-1].text for number in numbers]
        accepted = [about[number].accepted[0] or None for number in numbers]
        return Answers(rollout, numbers, prompts, texts, accepted)

    def text(self, ids: list[int]) -> str:
        """What is said, the tokens that end it left out."""
        return self.tokenizer.decode([token for token in ids if token not in self.stop]).strip()

    def gold(self, answers: Answers) -> list[float] | None:
        """The data's hidden score of every answer; None where the data has none."""
        score = getattr(self.data, "gold", None)
        if score is None:
            return None
        pairs = zip(answers.numbers, answers.texts, strict=True)
        return [float(score(number, text)) for number, text in pairs]


def rollout_seeds(seed: int, step: int, first: int, numbers: np.ndarray) -> np.ndarray:
    """A seed for each prompt (B,) uint64: a pure function of (seed, step, place, prompt).

    first: the place of the first of these prompts among those of the step on all processes, so that
    the same prompt drawn twice in a step is answered differently.
    """
    places = np.arange(first, first + len(numbers), dtype=np.uint64)
    return _hashed(numbers, (TRAINING, seed, step, places))


def validation_seeds(seed: int, numbers: np.ndarray) -> np.ndarray:
    """A seed for each prompt (B,) uint64: a pure function of (seed, prompt)."""
    return _hashed(numbers, (VALIDATION, seed))


def _hashed(numbers: np.ndarray, parts: tuple[int | np.ndarray, ...]) -> np.ndarray:
    found = np.zeros(len(numbers), np.uint64)
    for part in (*parts, numbers.astype(np.int64).view(np.uint64)):
        found = mix(found ^ mix(np.zeros_like(found) + np.asarray(part, np.uint64)))
    return found
