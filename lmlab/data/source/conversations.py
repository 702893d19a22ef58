"""Sources of conversations: a finite list, or examples without end."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from lmlab.data.conversation import Conversation
from lmlab.data.document import Piece, Source, pieces_of


class Conversations(Source):
    """Conversations to train on by number, and others to validate on."""

    num_documents = 20_000  # of a source without end that are read as text, to pretrain on it

    @property
    @abstractmethod
    def num_train(self) -> int | None:
        """How many there are to train on; None: without end."""

    @abstractmethod
    def train(self, number: int) -> Conversation:
        """Training conversation `number`, 0 or more: always the same."""

    @abstractmethod
    def validation(self) -> list[Conversation]:
        """Those kept for validation."""

    def held_out_tasks(self) -> set[str]:
        """Tasks that are only validated on."""
        trained = {self.train(number).task for number in range(self.num_train or 0)}
        return {each.task for each in self.validation()} - trained

    def pieces(self) -> Iterator[Piece]:
        """Every training conversation as a document, the first `num_documents` of those without end."""
        for number in range(self.num_documents if self.num_train is None else self.num_train):
            yield from pieces_of([self.train(number).text])
