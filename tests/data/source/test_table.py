from __future__ import annotations

import pytest

from tests.data.labelled_material import make_table, many, write
from tests.data.material import shared


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.csv", many(200))


def test_the_split_is_a_seeded_fraction_and_equal_texts_are_on_one_side(tmp_path):
    path = write(tmp_path / "a.csv", many(200) + many(200))
    source, other = make_table(path), make_table(path, seed=1)
    train, held = source.train(), source.validation()
    assert len(train) + len(held) == 400 and 50 <= len(held) <= 110
    assert not {each.texts for each in train} & {each.texts for each in held}
    assert make_table(path).validation() == held != other.validation()
    assert source.labels == ["no", "yes"]


def test_given_files_and_what_stands_on_both_sides(tmp_path, path):
    rows = [many(200)[3], {**many(200)[5], "label": "yes"}, {**many(1)[0], "text": "new"}]
    source = make_table(path, validation_paths=str(write(tmp_path / "b.csv", rows)))
    assert len(source.train()) == 200 and len(source.validation()) == 3
    assert source.notes() == [
        "2 classes in training: no 100, yes 100",
        "2 of 3 validation texts are in the training data too, 1 of them with another label",
    ]


def test_what_is_left_out_is_counted(tmp_path):
    rows = [*many(20), {**many(1)[0], "label": "-"}, {**many(1)[0], "label": "maybe"}]
    rows += [{**many(1)[0], "text": ""}]
    source = make_table(write(tmp_path / "a.csv", rows), labels=["yes", "no"])
    source.train()
    assert source.left_out == {
        "label '-'": 1,
        "label 'maybe' is not in data.source.labels": 1,
        "no text": 1,
    }
    assert source.labels == ["yes", "no"]


def test_fewer_examples_are_a_part_of_more(path):
    few, more = make_table(path, max_train=10), make_table(path, max_train=50)
    assert len(few.train()) == 10 and set(few.train()) < set(more.train())


def test_the_fingerprint_depends_on_texts_and_settings(path, tmp_path):
    one = make_table(path).fingerprint(tmp_path)
    assert make_table(path).fingerprint(tmp_path) == one
    assert make_table(path, seed=1).fingerprint(tmp_path) != one
    path.write_text(path.read_text().replace("y 000", "y 999"))
    assert make_table(path).fingerprint(tmp_path) != one


def test_a_tokenizer_reads_the_training_texts(path):
    source = make_table(path, text_pair="other")
    pieces = [piece.text for piece in source.pieces()]
    assert pieces == [text for each in source.train() for text in each.texts]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"text": None}, "data.source.text=null needs data.source.choices"),
        ({"label": None}, "data.source.label=null needs data.source.choices"),
        ({"choices": "a", "text_pair": "b"}, "data.source.text_pair=b has no effect with"),
        ({"text": ["a", "b"]}, "data.source.label has no effect; set data.source.label=null"),
        ({"text": ["a"], "label": None}, "one column is one class"),
        ({"validation_fraction": 0.0}, "must be above 0, below 1"),
    ],
)
def test_settings_without_effect_raise(keys, words, path):
    with pytest.raises(ValueError, match=words):
        make_table(path, **keys)


PAIR = {"text": "sentence 1", "text_pair": "sentence 2"}
MED = {"text": "sentence1", "text_pair": "sentence2", "label": "gold_label"}
CHOICES = {"text": None, "label": None, "choices": ["sentence_good", "sentence_bad"]}
COLUMNS = {"text": ["sentence_good", "sentence_bad"], "label": None}


@pytest.mark.parametrize(
    ("name", "number", "classes", "keys"),
    [
        ("sentence_polarity", 8503, 2, {}),
        ("subjectivity", 7982, 2, {}),
        ("banking77/train.csv", 10003, 77, {"label": "category"}),
        ("med/MED.tsv", 4218, 2, MED),
        ("mnli/train.json.gz", 3000, 3, PAIR),
        ("mnli/test.json.gz", 3635, 3, PAIR),  # 64 of 3699 have no label
        ("boolq/train.json.gz", 2000, 2, {"text": "question", "text_pair": "passage"}),
        ("blimp", 6000, 0, CHOICES),
        ("blimp/passive_1.jsonl.gz", 2000, 2, COLUMNS),
    ],
)
def test_the_project_s_data(name, number, classes, keys):
    source = make_table(shared(f"classify/{name}"), **keys)
    assert len(source.train()) + len(source.validation()) == number
    assert len(source.labels) == classes
    assert all(all(each.content) for each in source.train())
