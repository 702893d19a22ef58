from __future__ import annotations

import pytest

from lmlab.data.table.labelled import Columns, Labelled

ROW = {"text": " a b ", "label": "yes", "other": 3, "empty": None, "many": ["x", "y", "z"]}


def labelled(row, text="text", pair=None, label="label", choices=(), classes=()):
    return list(Columns(text, pair, label, choices, classes).labelled(row, "t.csv row 1"))


def test_single_texts_and_pairs_by_hand():
    assert labelled(ROW) == [Labelled(("a b",), "yes")]
    assert labelled(ROW, pair="other") == [Labelled(("a b", "3"), "yes")]
    assert labelled({"text": "a", "label": ["one", "two"]}) == [Labelled(("a",), "one")]


def test_a_column_a_class():
    row = {"good": "she runs", "bad": "she run"}
    texts = ("she runs", "she run")
    assert labelled(row, text=None, label=None, classes=("good", "bad")) == [
        Labelled(("she runs",), "good", row=texts),
        Labelled(("she run",), "bad", row=texts),
    ]


@pytest.mark.parametrize("label", ["y", "1", "B"])
def test_the_right_choice_is_a_text_a_number_or_a_letter(label):
    found = labelled(ROW | {"label": label}, choices=("many",))
    assert found == [Labelled(("a b",), "1", ("x", "y", "z"))]


def test_choices_in_columns_and_without_context():
    row = {"one": "x", "two": "y", "label": "two"}
    found = labelled(row, text=None, choices=("one", "two"))
    assert found == [Labelled((), "1", ("x", "y"))]
    assert labelled(row, text=None, label=None, choices=("two", "one"))[0].label == "0"


def test_empty_choices_do_not_move_the_right_one():
    row = {"a": "x", "b": "", "c": "z", "label": "c"}
    for label in ("c", "z", "C", "2"):
        found = labelled(row | {"label": label}, text=None, choices=("a", "b", "c"))
        assert found == [Labelled((), "1", ("x", "z"))]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"text": "texts"}, r"data.source.text=texts: column is not there in t.csv row 1; its col"),
        ({"pair": "empty"}, "data.source.text_pair=empty: column is empty"),
        ({"text": "many"}, "data.source.text=many of t.csv row 1 is list, not a text"),
        ({"choices": ("other", "more")}, "data.source.choices=more: column is not there"),
        ({"choices": ("text", "empty"), "label": "text"}, "has 1 choices in text, empty"),
        ({"choices": ("many",)}, "the label 'yes' is none of 3 choices"),
    ],
)
def test_what_cannot_be_read_is_named(keys, words):
    with pytest.raises(ValueError, match=words):
        labelled(ROW, **keys)
