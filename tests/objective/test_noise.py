from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lmlab.batch import mix
from lmlab.objective.noise import (
    choose,
    iid_mask,
    integers,
    num_hidden,
    permutation,
    rank_in_row,
    segment_ends,
    span_counts,
    span_mask,
    uniform,
)


def seeds(number: int, start: int = 0) -> np.ndarray:
    return mix(np.arange(start, start + number, dtype=np.uint64))


def chi_square(counts: Counter, cells: int) -> float:
    expected = sum(counts.values()) / cells
    return sum((counts[key] - expected) ** 2 / expected for key in counts)


def test_counts_by_hand():
    assert num_hidden(np.array([0, 1, 3, 10, 100]), 0.15).tolist() == [0, 1, 1, 2, 15]
    assert num_hidden(np.array([4, 4]), np.array([0.0, 1.0])).tolist() == [0, 4]
    noise, spans = span_counts(np.array([0, 1, 2, 20, 512]), 0.15, 3.0)
    assert noise.tolist() == [0, 0, 1, 3, 77] and spans.tolist() == [0, 0, 1, 1, 26]
    assert rank_in_row(np.array([0, 0, 2, 2, 2]), 4).tolist() == [0, 1, 0, 1, 2]


def test_uniform_numbers_are_uniform():
    values = uniform(seeds(200), 500, salt=1)
    assert values.dtype == np.float32 and values.min() >= 0 and values.max() < 1
    assert abs(values.mean() - 0.5) < 0.004 and abs(values.var() - 1 / 12) < 0.001
    assert np.abs(np.corrcoef(values.T)[np.triu_indices(20, 1)]).max() < 0.35
    assert not np.array_equal(values, uniform(seeds(200), 500, salt=2))


def test_integers_cover_their_range_evenly():
    values = integers(seeds(100), 600, 7, salt=1)
    counts = Counter(values.flatten().tolist())
    assert sorted(counts) == list(range(7)) and chi_square(counts, 7) < 25


def test_iid_mask_hides_an_exact_number_of_valid_tokens():
    valid = uniform(seeds(50), 64, salt=9) < 0.7
    valid[0] = False
    hidden = iid_mask(seeds(50), valid, 0.15)
    assert not (hidden & ~valid).any()
    assert hidden.sum(1).tolist() == num_hidden(valid.sum(1), 0.15).tolist()
    assert not hidden[0].any()


def test_iid_mask_takes_every_subset_equally_often():
    hidden = iid_mask(seeds(6000), np.ones((6000, 5), bool), 0.4)
    counts = Counter(map(bytes, hidden))
    assert len(counts) == 10 and chi_square(counts, 10) < 28


@pytest.mark.parametrize("function", [iid_mask, permutation, span_mask])
def test_a_row_does_not_depend_on_the_other_rows(function):
    def make(rows: slice) -> np.ndarray:
        valid = np.arange(40) < np.arange(20, 36)[rows, None]
        if function is span_mask:
            return span_mask(seeds(16)[rows], valid.sum(1), 40, 0.3, 2.0)
        return function(seeds(16)[rows], valid, *([0.3] if function is iid_mask else []))

    whole = make(slice(None))
    for row in range(16):
        assert np.array_equal(make(slice(row, row + 1))[0], whole[row])


def test_choose_takes_nothing_where_the_count_is_nothing():
    valid = np.ones((3, 4), bool)
    assert choose(seeds(3), valid, np.array([0, 4, 1]), salt=1).sum(1).tolist() == [0, 4, 1]


def test_permutation_moves_valid_places_only_and_can_be_undone():
    valid = np.array([[1, 1, 0, 1, 1, 0]] * 3000, bool)
    index = permutation(seeds(3000), valid)
    assert (index[:, [2, 5]] == [2, 5]).all() and (np.sort(index, 1) == np.arange(6)).all()
    counts = Counter(map(bytes, index))
    assert len(counts) == 24 and chi_square(counts, 24) < 50
    tokens = integers(seeds(3000), 6, 100, salt=4)
    moved = np.take_along_axis(tokens, index, 1)
    assert np.array_equal(np.take_along_axis(moved, np.argsort(index, 1), 1), tokens)


def test_segments_are_uniform_over_all_divisions():
    ends = segment_ends(seeds(6000), np.full(6000, 6), np.full(6000, 3), salt=1)
    assert (ends[:, -1] == 6).all() and (np.diff(ends, prepend=0) > 0).all()
    counts = Counter(map(bytes, ends))
    assert len(counts) == 10 and chi_square(counts, 10) < 28


def runs(mask: np.ndarray) -> list[int]:
    """Lengths of the runs of True in one row."""
    edges = np.flatnonzero(np.diff(np.pad(mask.astype(np.int8), 1)))
    return (edges[1::2] - edges[::2]).tolist()


def test_one_span_ends_the_row():
    assert span_mask(seeds(1), np.array([10]), 12, 0.3, 3.0).astype(int).tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0]
    ]


@pytest.mark.parametrize(("rate", "mean"), [(0.15, 3.0), (0.5, 32.0), (0.9, 1.0), (0.5, 1.0)])
def test_spans_have_the_exact_number_of_tokens_and_of_spans(rate, mean):
    real = np.arange(0, 130)
    masks = span_mask(seeds(130), real, 130, rate, mean)
    noise, spans = span_counts(real, rate, mean)
    assert masks.sum(1).tolist() == noise.tolist()
    assert [len(runs(mask)) for mask in masks] == spans.tolist()
    assert not masks[:, 0].any() and not (masks & (np.arange(130) >= real[:, None])).any()


def test_rates_and_spans_may_differ_by_row():
    rate, mean = np.array([0.15, 0.5]), np.array([3.0, 8.0])
    masks = span_mask(seeds(2), np.array([100, 64]), 100, rate, mean)
    assert masks.sum(1).tolist() == [15, 32] and [len(runs(mask)) for mask in masks] == [5, 4]


def test_span_lengths_are_those_of_a_uniform_division():
    """77 tokens in 26 spans: P(first = l) = C(76 - l, 24) / C(76, 25), 2.96 on average."""
    masks = span_mask(seeds(2000), np.full(2000, 512), 512, 0.15, 3.0)
    lengths = np.concatenate([runs(mask) for mask in masks])
    assert lengths.mean() == pytest.approx(77 / 26)
    share = 25 / 76  # P(length = 1) = C(75, 24) / C(76, 25)
    assert np.mean(lengths == 1) == pytest.approx(share, abs=0.01)
