"""The source of data=flan_2022: several sources of conversations, each with its rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lmlab.data.conversation import Conversation
from lmlab.data.rates import chosen, rates
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.conversations import Conversations
from lmlab.data.task.draw import Draw, number_of


class ConversationMixture(Conversations):
    """Conversations of several sources, drawn without end at rates that their sizes give.

    sources: {name: {source: ..., size: ...}}; size: what the rate is proportional to, null takes the
    number of training conversations of a finite source; cap, temperature: see `rates`. A finite source
    is drawn from with replacement. Validation takes all sources' own, each category named NAME/...
    Source: row S1-29 (Flan 2022's sub-mixtures); T5 section 3.5.2.
    """

    def __init__(
        self, *, sources: dict[str, dict[str, Any]], cap: float | None, temperature: float
    ) -> None:
        for name, part in sources.items():
            if set(part) != {"source", "size"}:
                raise ValueError(
                    f"data.source.sources.{name} needs the keys source and size, has {list(part)}"
                )
        self.sources: dict[str, Conversations] = {
            name: part["source"] for name, part in sources.items()
        }
        self.sizes = {name: part["size"] for name, part in sources.items()}
        self.cap, self.temperature = cap, temperature
        self._shares: dict[str, float] | None = None

    @property
    def shares(self) -> dict[str, float]:
        """Rate of each source. Raises: ValueError for a source without end and without a size."""
        if self._shares is None:
            sizes = {name: self._size(name) for name in self.sources}
            self._shares = rates(sizes, cap=self.cap, temperature=self.temperature)
        return self._shares

    def _size(self, name: str) -> float:
        size = self.sizes[name] if self.sizes[name] is not None else self.sources[name].num_train
        if size is None:
            raise ValueError(
                f"data.source.sources.{name}.size=null: this source has no end; set its size"
            )
        return size

    @property
    def num_train(self) -> int | None:
        return None

    def train(self, number: int) -> Conversation:
        draw = Draw(number_of("mixture 1", number))
        name = chosen(self.shares, draw.unit())
        source = self.sources[name]
        inside = number if source.num_train is None else draw.whole(0, source.num_train - 1)
        return self._named(name, source.train(inside))

    def validation(self) -> list[Conversation]:
        return [
            self._named(name, each)
            for name, source in self.sources.items()
            for each in source.validation()
        ]

    def held_out_tasks(self) -> set[str]:
        return set().union(*(source.held_out_tasks() for source in self.sources.values()))

    def _named(self, name: str, each: Conversation) -> Conversation:
        return replace(each, category=f"{name}/{each.category}" if each.category else name)

    def fingerprint(self, cache_dir: Path) -> str:
        prints = [(name, source.fingerprint(cache_dir)) for name, source in self.sources.items()]
        return hash_of_text("conversation mixture 1", self.shares, *prints)

    def notes(self) -> list[str]:
        said = ", ".join(f"{name} {share:.3f}" for name, share in self.shares.items())
        lines = [f"rates: {said}"]
        for name, source in self.sources.items():
            lines += [f"{name}: {line}" for line in source.notes()]
        return lines
