"""The source `mixture`: several sources, each with its share of the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lmlab.data.document import Piece, Source, by_document
from lmlab.data.source.content_hash import hash_of_text


@dataclass(slots=True)
class Part:
    """One source of a mixture and how far it was read."""

    name: str
    source: Source
    share: float  # of the mixture's text, 0..1
    documents: Iterator[Iterator[Piece]]
    chars: int = 0
    epochs: int = 0
    epoch_chars: int = 0  # characters of one whole reading, known after the first

    def epochs_read(self) -> float | None:
        """Whole readings and parts of one; None when the source was not read to its end once."""
        return self.chars / self.epoch_chars if self.epoch_chars else None


class Mixture(Source):
    """Documents of several sources in turn: always of the one that is furthest behind its share.

    sources: {name: {source: ..., weight: ...}}; weights are shares of the characters, any sum.
    exhausted: `stop` ends the mixture with the first source that has no further document, so
    nothing is read twice; `repeat` reads it again, until every source was read to its end once.
    """

    def __init__(
        self, *, sources: dict[str, dict[str, Any]], exhausted: Literal["stop", "repeat"]
    ) -> None:
        if len(sources) < 2:
            raise ValueError(f"data.source.sources={list(sources)}: a mixture needs two or more")
        for name, part in sources.items():
            if set(part) != {"source", "weight"}:
                raise ValueError(
                    f"data.source.sources.{name} needs the keys source and weight, has {list(part)}"
                )
            if not part["weight"] > 0:
                raise ValueError(
                    f"data.source.sources.{name}.weight={part['weight']} must be above 0; "
                    f"~data.source.sources.{name} removes it"
                )
        total = sum(part["weight"] for part in sources.values())
        self.shares = {name: part["weight"] / total for name, part in sources.items()}
        self.sources: dict[str, Source] = {name: part["source"] for name, part in sources.items()}
        self.exhausted = exhausted
        self._parts: list[Part] = []

    def pieces(self) -> Iterator[Piece]:
        parts = self._parts = [
            Part(name, source, self.shares[name], self._documents(name))
            for name, source in self.sources.items()
        ]
        while True:
            part = min(parts, key=lambda part: part.chars / part.share)
            document = self._next_document(part)
            if document is None:
                return
            for piece in document:
                part.chars += len(piece.text)
                yield piece

    def _next_document(self, part: Part) -> Iterator[Piece] | None:
        """The part's next document; None when the mixture ends there."""
        document = next(part.documents, None)
        if document is not None:
            return document
        if part.chars == 0:
            raise ValueError(f"data.source.sources.{part.name} gives no text")
        part.epochs += 1
        part.epoch_chars = part.epoch_chars or part.chars
        if self.exhausted == "stop" or all(each.epochs for each in self._parts):
            return None
        part.documents = self._documents(part.name)
        return next(part.documents)

    def _documents(self, name: str) -> Iterator[Iterator[Piece]]:
        return by_document(_named(name, self.sources[name].pieces()))

    def fingerprint(self, cache_dir: Path) -> str:
        prints = []
        for name, source in self.sources.items():
            with _Named(name):
                prints.append((self.shares[name], source.fingerprint(cache_dir)))
        return hash_of_text("mixture 1", self.exhausted, *prints)

    def notes(self) -> list[str]:
        total = max(1, sum(part.chars for part in self._parts))
        lines = []
        for part in self._parts:
            epochs = part.epochs_read()
            read = "less than 1 epoch" if epochs is None else f"{epochs:.2f} epochs"
            lines.append(
                f"{part.name}: {read}, {part.chars / 1e6:.2f} M characters, "
                f"{part.chars / total:.3f} of the text for a weight of {part.share:.3f}"
                + (", exhausted" if part.epochs else "")
            )
            lines += [f"{part.name}: {line}" for line in part.source.notes()]
        return lines


class _Named:
    """Errors of a part name the part's settings: data.source.sources.NAME.source instead of data.source."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        of_user = isinstance(error, ValueError)
        if of_user:
            inner = f"data.source.sources.{self.name}.source."
            raise ValueError(str(error).replace("data.source.", inner)) from error


def _named(name: str, pieces: Iterator[Piece]) -> Iterator[Piece]:
    with _Named(name):
        yield from pieces
