"""Pieces of documents."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lmlab.data import document
from lmlab.data.document import Piece, by_document, cut_point, pieces_of


def test_a_cut_is_made_after_a_line_that_text_follows():
    assert cut_point("one\ntwo\nthree", 9) == len("one\ntwo\n")


def test_a_cut_is_made_before_a_space_when_there_is_no_line_end():
    assert cut_point("one two three", 9) == len("one two")


def test_an_empty_line_is_the_second_best_place():
    assert cut_point("one\n\n\ntwothreefour", 9) == len("one\n\n\n")


def test_a_word_longer_than_a_piece_is_cut_anywhere():
    assert cut_point("onetwothree", 5) == 5


def test_a_short_document_is_one_piece_and_an_empty_one_is_none():
    assert list(pieces_of(["ab", "c"])) == [Piece("abc", True)]
    assert list(pieces_of([""])) == []


@settings(deadline=None)
@given(chunks=st.lists(st.text("ab \n", max_size=60), max_size=6))
def test_pieces_join_to_the_document(chunks):
    short, document.PIECE_CHARS = document.PIECE_CHARS, 16
    try:
        pieces = list(pieces_of(chunks))
    finally:
        document.PIECE_CHARS = short
    assert "".join(piece.text for piece in pieces) == "".join(chunks)
    assert all(0 < len(piece.text) <= 16 for piece in pieces)
    assert [piece.opens for piece in pieces] == [index == 0 for index in range(len(pieces))]


def test_pieces_are_grouped_by_document():
    pieces = [Piece("a", True), Piece("b", True), Piece("c", False), Piece("d", True)]
    groups = ["".join(piece.text for piece in group) for group in by_document(iter(pieces))]
    assert groups == ["a", "bc", "d"]
