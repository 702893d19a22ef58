"""What a source of comparisons gives a tokenizer to read."""

from __future__ import annotations

from lmlab.data.comparison import pair
from lmlab.data.conversation import Turn
from lmlab.data.source.comparisons import Comparisons


class Two(Comparisons):
    def train(self):
        return [pair((Turn("user", "a"),), "good", "bad")] * 2

    def validation(self):
        return []

    def fingerprint(self, cache_dir):
        return "2"


def test_documents_are_prompts_with_their_best_answer():
    assert [piece.text for piece in Two().pieces()] == ["a\ngood"] * 2
