"""What a source of conversations gives a tokenizer to read."""

from __future__ import annotations

from lmlab.data.conversation import single
from lmlab.data.source.conversations import Conversations


class Numbers(Conversations):
    def __init__(self, number: int | None) -> None:
        self.number = number

    @property
    def num_train(self) -> int | None:
        return self.number

    def train(self, number):
        return single(str(number), "x")

    def validation(self):
        return []

    def fingerprint(self, cache_dir):
        return "1"


def test_documents_are_whole_conversations():
    assert [piece.text for piece in Numbers(2).pieces()] == ["0\nx", "1\nx"]


def test_a_source_without_end_is_sampled():
    assert sum(1 for _ in Numbers(None).pieces()) == Conversations.num_documents
