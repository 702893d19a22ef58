"""Sources of comparisons: prompts with answers in the order of a labeller."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from lmlab.data.comparison import Comparison
from lmlab.data.document import Piece, Source, pieces_of


class Comparisons(Source):
    """A finite list of comparisons to train on, and others to validate on."""

    @abstractmethod
    def train(self) -> list[Comparison]:
        """Those to train on."""

    @abstractmethod
    def validation(self) -> list[Comparison]:
        """Those kept for validation, of held-out labellers too."""

    def pieces(self) -> Iterator[Piece]:
        """Every training prompt with its best answer as a document."""
        for each in self.train():
            yield from pieces_of([each.text])
