"""Conversations to tokens: what is read, what is learned, and where the last answer begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lmlab.data.chat_template import ChatTemplate, Part
from lmlab.data.conversation import Conversation, Turn
from lmlab.data.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Encoded:
    """One conversation as tokens.

    tokens (n,) int64, to the end mark of the last answer; scored (n,) bool: tokens that the loss counts, the first never; prompt (p,)
    int64: what a model reads before it answers; conversation: texts, accepted answers, task.
    """

    tokens: np.ndarray
    scored: np.ndarray
    prompt: np.ndarray
    conversation: Conversation = field(repr=False)

    @property
    def length(self) -> int:
        """Places that it takes in a row: the last token is only predicted."""
        return len(self.tokens) - 1

    @property
    def continues_prompt(self) -> bool:
        """Whether the tokens begin with the prompt's."""
        return np.array_equal(self.tokens[: len(self.prompt)], self.prompt)


class Encode:
    """Turns to ids through a chat template; ids of the same piece of text are looked up once a call.

    loss: `response` scores the assistant's turns with the token that ends each, `all` every token.
    """

    def __init__(
        self, tokenizer: Tokenizer, template: ChatTemplate, loss: Literal["response", "all"]
    ) -> None:
        self.tokenizer, self.template, self.loss = tokenizer, template, loss

    def __call__(self, conversations: Sequence[Conversation]) -> list[Encoded]:
        """The conversations in their order. Raises: ValueError as `ChatTemplate.parts`."""
        whole = [self.template.parts(each.turns) for each in conversations]
        if self.template.trusted:
            asked = [_before_answer(parts) for parts in whole]
        else:
            asked = [self.template.parts(each.prompt, asks=True) for each in conversations]
        ids = self._ids([*whole, *asked])
        return [
            self._encoded(each, parts, prompt, ids)
            for each, parts, prompt in zip(conversations, whole, asked, strict=True)
        ]

    def prompts(self, prompts: Sequence[Sequence[Turn]]) -> list[np.ndarray]:
        """Tokens of each, (p,) int64, up to where the answer begins."""
        asked = [self.template.parts(turns, asks=True) for turns in prompts]
        ids = self._ids(asked)
        return [_joined(parts, ids) for parts in asked]

    def _ids(self, many: list[list[Part]]) -> dict[str, np.ndarray]:
        texts = {part.text: None for parts in many for part in parts if part.token is None}
        found = self.tokenizer.encode_batch(list(texts))
        return {
            text: np.asarray(ids).astype(np.int64) for text, ids in zip(texts, found, strict=True)
        }

    def _encoded(
        self, conversation: Conversation, parts: list[Part], asked: list[Part], ids: dict
    ) -> Encoded:
        learned = [part.answers or self.loss == "all" for part in parts]
        lengths = [1 if part.token is not None else len(ids[part.text]) for part in parts]
        ends = np.cumsum(lengths)
        end = next(int(ends[i]) for i in reversed(range(len(parts))) if parts[i].answers)
        scored = np.repeat(learned, lengths)[:end]
        scored[:1] = False
        return Encoded(_joined(parts, ids)[:end], scored, _joined(asked, ids), conversation)


def _before_answer(parts: list[Part]) -> list[Part]:
    last = max((index for index, part in enumerate(parts) if part.turn is not None), default=0)
    return parts[:last]


def _joined(parts: list[Part], ids: dict[str, np.ndarray]) -> np.ndarray:
    pieces = [
        ids[part.text] if part.token is None else np.array([part.token], np.int64) for part in parts
    ]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
