"""Examples without end, in pools: each pool is made when it is reached, and always the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from lmlab.batch import Batch
from lmlab.data import order
from lmlab.data.encode import Encoded
from lmlab.data.loader import TrainBatches
from lmlab.data.pack import fill

# Rows of a pool, and how many numbers of the source it may use.
NUM_ROWS = 512
NUMBERS = 1 << 24
AT_ONCE = 512


class Pools:
    """Pool p is NUM_ROWS rows of the examples from number p * NUMBERS on.

    encoded: numbers to examples; capacity: places of a row; packed: rows hold as many whole examples
    as fit best, else one each. An example longer than a row is left out and counted.
    """

    def __init__(
        self, encoded: Callable[[range], list[Encoded]], capacity: int, packed: bool
    ) -> None:
        self.encoded, self.capacity, self.packed = encoded, capacity, packed
        self.num_too_long = self.num_drawn = 0
        self.places = NUM_ROWS * capacity
        self.kept: dict[int, list[Any]] = {}

    def __len__(self) -> int:
        return NUM_ROWS

    def __getitem__(self, index: int) -> Any:
        """A row of the first pool."""
        return self.pool(0)[index]

    def pool(self, number: int) -> list[Any]:
        """The rows of a pool; the last two are kept."""
        if number not in self.kept:
            if len(self.kept) > 1:
                del self.kept[next(iter(self.kept))]
            self.kept[number] = self._made(number)
        return self.kept[number]

    def _made(self, number: int) -> list[Any]:
        start, examples = number * NUMBERS, []
        drawn = 0
        while True:
            more = self.encoded(range(start + drawn, start + drawn + AT_ONCE))
            drawn += AT_ONCE
            examples += [each for each in more if each.length <= self.capacity]
            self.num_drawn, self.num_too_long = drawn, drawn - len(examples)
            if drawn >= 8 * AT_ONCE and not examples:
                raise ValueError(
                    f"data.seq_len={self.capacity}: every example is longer; set it higher"
                )
            if not self.packed and len(examples) >= NUM_ROWS:
                return examples[:NUM_ROWS]
            if self.packed and sum(each.length for each in examples) > 0.9 * self.places:
                rows = fill([each.length for each in examples], self.capacity, NUM_ROWS)
                if sum(map(len, rows)) < len(examples):
                    return [[examples[index] for index in row] for row in rows]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"kept": {}}


@dataclass(slots=True)
class PoolBatches(TrainBatches):
    """As TrainBatches, where what would be an epoch is the next pool."""

    def __getitem__(self, batch: int) -> Batch:
        epochs, chosen = self.samples(batch)
        pools: Any = self.windows
        rows = [pools.pool(p)[i] for p, i in zip(epochs.tolist(), chosen.tolist(), strict=True)]
        seeds = order.noise_seeds(self.seed, epochs, chosen)
        return self.collate(rows, seeds, self.cross_documents)


def in_pools(batches: TrainBatches) -> PoolBatches:
    """The same batches over the pools of its `windows`."""
    return PoolBatches(**{field.name: getattr(batches, field.name) for field in fields(batches)})
