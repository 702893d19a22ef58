"""Loaders whose items are whole batches, so that workers change nothing but the speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from lmlab.batch import Batch, Example, Window
from lmlab.data import order
from lmlab.data.token_cache import TokenCache
from lmlab.data.window import ceil_div, cut, empty, num_windows

Collate = Callable[[list[Any], np.ndarray, bool], Batch]


@dataclass(slots=True)
class Windows:
    """The windows of one side of a corpus; opens its file anew in every process."""

    cache: TokenCache
    side: str
    window: Window
    fill: int
    _tokens: np.ndarray | None = None

    def __len__(self) -> int:
        return num_windows(self.cache.num_tokens(self.side), self.window)

    def __getitem__(self, index: int) -> Example:
        if self._tokens is None:
            self._tokens = self.cache.tokens(self.side)
        return cut(self._tokens, self.window, index, self.fill)

    def padding(self) -> Example:
        """An example without a real token."""
        return empty(self.window, self.fill, np.dtype(self.cache.meta["dtype"]))

    def __getstate__(self) -> tuple[Any, ...]:
        return self.cache, self.side, self.window, self.fill

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.cache, self.side, self.window, self.fill = state
        self._tokens = None


def with_others(windows: Windows, chosen: np.ndarray, seeds: np.ndarray) -> list[Example]:
    """The windows of these numbers, each with the others that the objective asks for."""
    drawn = order.others(seeds, chosen, windows.window.others, len(windows)).tolist()
    return [
        replace(windows[index], others=tuple(windows[other] for other in row))
        for index, row in zip(chosen.tolist(), drawn, strict=True)
    ]


def fetch(windows: Examples, chosen: np.ndarray, seeds: np.ndarray) -> list[Any]:
    """What stands at these numbers."""
    if isinstance(windows, Windows) and windows.window.others:
        return with_others(windows, chosen, seeds)
    return [windows[index] for index in chosen.tolist()]


class Examples(Protocol):
    """What can be read by number: windows of a stream, or a list of examples."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


@dataclass(slots=True)
class TrainBatches(Dataset[Batch]):
    """Item b is this rank's share of step-batch b, for any b from 0 on."""

    windows: Examples
    collate: Collate
    cross_documents: bool
    seed: int
    step_sequences: int
    rank: int
    world_size: int

    def samples(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Epochs and window numbers of the share, (step_sequences / world_size,) each."""
        counters = order.share(batch, self.step_sequences, self.rank, self.world_size)
        return order.samples(counters, self.seed, len(self.windows))

    def __getitem__(self, batch: int) -> Batch:
        epochs, chosen = self.samples(batch)
        seeds = order.noise_seeds(self.seed, epochs, chosen)
        return self.collate(fetch(self.windows, chosen, seeds), seeds, self.cross_documents)


class Batches(Protocol):
    """Batches by number, and how many there are."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Batch: ...


@dataclass(slots=True)
class ValidationBatches(Dataset[Batch]):
    """The first `num_examples` windows in order, in contiguous shares of equally many batches.

    A rank whose share is short is filled up with examples without a real token.
    """

    windows: Windows
    collate: Collate
    cross_documents: bool
    seed: int
    num_examples: int
    batch_size: int
    rank: int
    world_size: int

    @property
    def each(self) -> int:
        """Examples of a rank, padding included."""
        return ceil_div(self.num_examples, self.world_size)

    def __len__(self) -> int:
        return ceil_div(self.each, self.batch_size)

    def chosen(self, batch: int) -> list[int]:
        """Window numbers; those from `num_examples` on are padding."""
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        first = batch * self.batch_size
        last = min(first + self.batch_size, self.each)
        return [self.rank * self.each + index for index in range(first, last)]

    def __getitem__(self, batch: int) -> Batch:
        numbers = np.array(self.chosen(batch))
        seeds = order.noise_seeds(self.seed, order.VALIDATION_EPOCH, numbers)
        real = numbers < self.num_examples
        examples = fetch(self.windows, numbers[real], seeds[real])
        examples += [self.windows.padding()] * int((~real).sum())
        return self.collate(examples, seeds, self.cross_documents)


class Steps(Sampler[int]):
    """Batch numbers without end, from the run's present step on, without those to be left out."""

    def __init__(
        self, present_step: Callable[[], int], skipped: Callable[[], list[tuple[int, int]]]
    ) -> None:
        self.present_step, self.skipped = present_step, skipped

    def __iter__(self) -> Iterator[int]:
        step = self.present_step()
        while True:
            yield order.batch_of_step(step, self.skipped())
            step += 1


def train_loader(batches: TrainBatches, steps: Steps, num_workers: int) -> DataLoader[Batch]:
    """One item a step, without end. The global random state is not touched."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=steps,
        num_workers=num_workers,
        generator=torch.Generator().manual_seed(0),
    )


def validation_loader(batches: Batches) -> DataLoader[Batch]:
    """Every batch once, read in this process."""
    return DataLoader(
        batches,  # type: ignore[arg-type]
        batch_size=None,
        sampler=range(len(batches)),
        generator=torch.Generator().manual_seed(0),
    )
