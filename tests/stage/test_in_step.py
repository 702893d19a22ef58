"""Processes that hold parts of a model run it equally often, whatever their shares."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from lmlab.data.example_data import ExampleValidation
from lmlab.stage.in_step import in_step


def test_a_short_list_goes_on_with_its_last_for_nothing():
    assert list(in_step(["a", "b"], 4)) == [("a", True), ("b", True), ("b", False), ("b", False)]
    assert list(in_step(["a", "b"], 2)) == [("a", True), ("b", True)]


def passes(total: int, world: int, at_once: int, micro: int) -> list[list[list[int]]]:
    """Sizes of the parts by rank and validation batch."""
    shares = []
    for rank in range(world):
        data = SimpleNamespace(
            val_examples=range(total), world_size=world, rank=rank, validation_sequences=at_once
        )
        batches = [len(part) for part in ExampleValidation(data).parts]
        split = [[min(micro, n - start) for start in range(0, n, micro)] for n in batches]
        shares.append(split)
    return shares


@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 9), st.integers(1, 9))
def test_all_processes_make_as_many_passes_and_count_every_example_once(
    extra, world, at_once, micro
):
    shares = passes(world + extra, world, at_once, micro)
    assert len({len(batches) for batches in shares}) == 1
    counted = 0
    for batches in zip(*shares, strict=True):
        most = max(map(len, batches))
        made = [list(in_step(parts, most)) for parts in batches]
        assert {len(parts) for parts in made} == {most}
        assert all(1 <= size <= micro for parts in made for size, _ in parts)
        counted += sum(size for parts in made for size, counts in parts if counts)
    assert counted == world + extra
