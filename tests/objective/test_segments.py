from __future__ import annotations

import numpy as np

from lmlab.batch import mix
from lmlab.objective.segments import join_segments, partners, split_places
from tests.objective.words import VOCAB, ids, read

MARKS = VOCAB.cls, VOCAB.sep, VOCAB.pad
A, B = "The man went to the store .", "He bought a gallon of milk ."


def seeds(number: int) -> np.ndarray:
    return mix(np.arange(number, dtype=np.uint64))


def join(first: str, second: str, split: int, real: int) -> tuple[str, list[int]]:
    tokens, segments = join_segments(
        ids(first)[None], ids(second)[None], np.array([split]), np.array([real]), MARKS
    )
    return read(tokens[0]), segments[0].tolist()


def test_the_man_went_to_the_store_he_bought_a_gallon_of_milk():
    """Rows S3-30, S4-16: IsNextSentence."""
    text, segments = join(f"{A} {B}", f"{A} {B}", 7, 14)
    assert text == f"[CLS] {A} [SEP] {B} [SEP]"
    assert segments == [0] * 9 + [1] * 8


def test_the_man_went_to_the_store_penguins_are_flightless():
    """Rows S3-30, S4-16: NotNextSentence, with padding behind."""
    other = "I went to buy milk . . Penguins are flightless . . . ."
    text, segments = join(f"{A} {B}", other, 7, 11)
    assert text == f"[CLS] {A} [SEP] Penguins are flightless . [SEP] [PAD] [PAD] [PAD]"
    assert segments == [0] * 9 + [1] * 5 + [0] * 3


def test_splits_lie_in_the_middle_half_where_a_document_goes_on():
    inside = np.ones((4000, 16), bool)
    inside[:, :1], inside[:, 6] = False, False
    split = split_places(seeds(4000), inside, np.full(4000, 16))
    counts = np.bincount(split, minlength=16)
    assert np.flatnonzero(counts).tolist() == [4, 5, 7, 8, 9, 10, 11, 12]
    assert counts.max() < 1.25 * counts[counts > 0].min()


def test_short_rows_are_split_as_well_as_they_can_be():
    inside = np.array([[False, True, False, False], [False] * 4, [False] * 4])
    assert split_places(seeds(3), inside, np.array([4, 3, 0])).tolist() == [1, 2, 0]


def test_a_partner_is_the_first_other_window_that_goes_on_at_the_same_place():
    inside = np.ones((4, 3, 10), bool)
    inside[0, 0, 5] = False
    others_real = np.array([[10, 10, 10], [10, 10, 10], [4, 9, 10], [4, 4, 4]])
    split, real = np.array([5, 5, 5, 5]), np.array([10, 10, 10, 10])
    assert partners(inside, others_real, real, split).tolist() == [1, 0, 2, -1]


def test_a_row_without_text_has_no_partner():
    inside, others_real = np.ones((2, 1, 6), bool), np.array([[6], [0]])
    assert partners(inside, others_real, np.array([0, 6]), np.array([0, 3])).tolist() == [-1, -1]
