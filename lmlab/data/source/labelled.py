"""What data=classification needs of a source: labelled texts on two sides."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence

from lmlab.data.document import Piece, Source, pieces_of
from lmlab.data.table.labelled import Labelled


class LabelledSource(Source):
    """Labelled texts to train and to validate on; as documents, the texts that are trained on."""

    @abstractmethod
    def train(self) -> Sequence[Labelled]:
        """The examples to train on, in an order that is the same every time."""

    @abstractmethod
    def validation(self) -> Sequence[Labelled]:
        """The examples to validate on."""

    @property
    @abstractmethod
    def labels(self) -> list[str]:
        """The classes, in the order of their numbers."""

    def pieces(self) -> Iterator[Piece]:
        for each in self.train():
            for text in each.content:
                yield from pieces_of([text])


def in_order(labels: Sequence[str]) -> list[str]:
    """Different labels: numbers by size, else by their letters."""
    different = set(labels)
    if all(is_number(label) for label in different):
        return sorted(different, key=lambda label: (float(label), label))
    return sorted(different)


def is_number(text: str) -> bool:
    """Whether a label reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def say_classes(examples: Sequence[Labelled], labels: Sequence[str]) -> str:
    """How the examples spread over the classes, in a few words."""
    counts = Counter(each.label for each in examples)
    if len(labels) <= 8:
        shown = ", ".join(f"{label} {counts[label]}" for label in labels)
        return f"{len(labels)} classes in training: {shown}"
    most, least = counts.most_common(1)[0], min(labels, key=lambda label: counts[label])
    return (
        f"{len(labels)} classes in training, from {counts[least]} ({least}) to {most[1]} ({most[0]}) "
        "examples"
    )
