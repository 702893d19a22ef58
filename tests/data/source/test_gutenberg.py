"""Project Gutenberg's header and licence."""

from __future__ import annotations

import pytest

from lmlab.data.document import Piece
from lmlab.data.source.gutenberg import books
from lmlab.data.source.text import Text

START = "*** START OF THIS PROJECT GUTENBERG EBOOK EMMA ***\n"
END = "*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***\n"


def strip(*texts: str) -> list[Piece]:
    return list(books(Piece(text, index == 0) for index, text in enumerate(texts)))


def test_the_book_is_between_start_and_end():
    assert strip(f"licence\n{START}\n\nChapter 1\n\n\n{END}more licence\n") == [
        Piece("Chapter 1\n", True)
    ]


def test_a_title_may_go_over_two_lines():
    start = "***START OF THE PROJECT GUTENBERG EBOOK EMMA,\nA NOVEL***\n"
    assert strip(f"{start}text\n") == [Piece("text\n", True)]


def test_a_long_book_stays_one_document():
    pieces = strip(f"x\n{START}", "one\n", "two\n", f"three\n{END}", "licence\n")
    assert pieces == [Piece("one\n", True), Piece("two\n", False), Piece("three\n", False)]


def test_two_books_in_a_file_are_two_documents():
    pieces = strip(f"{START}one\n{END}licence\n{START}two\n{END}")
    assert pieces == [Piece("one\n", True), Piece("two\n", True)]


def test_other_files_stay_as_they_are():
    text = "A file about *** END OF THE PROJECT GUTENBERG EBOOK X ***\n"
    assert strip(text, "more") == [Piece(text, True), Piece("more", False)]
    assert strip() == []


def test_real_books_are_stripped(text_folder):
    source = Text(paths=str(text_folder / "gutenberg"), field=None)
    documents: list[str] = []
    for piece in source.pieces():
        if piece.opens:
            documents.append("")
        documents[-1] += piece.text
    assert len(documents) == len(source.files) == 6
    for document in documents:
        assert len(document) > 500_000
        assert "\r" not in document and "\ufeff" not in document
        assert "*** START" not in document and "*** END" not in document
        assert "Project Gutenberg License" not in document


@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "wikitext-2/valid.txt"])
def test_real_files_of_other_origin_are_whole(text_folder, name):
    source = Text(paths=str(text_folder / name), field=None)
    whole = (text_folder / name).read_text(encoding="utf-8")
    assert "".join(piece.text for piece in source.pieces()) == whole
