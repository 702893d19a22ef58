"""Labelled texts as tokens: literal rows for every kind of architecture, then laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.data.labelled_material import make_table, many, prepared, write

EOS, PAD, CLS, SEP = 256, 257, 259, 260


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.csv", [{"text": "ab", "other": "cde", "label": "x"}] * 2)


def both_sides(path, **keys):
    return make_table(path, validation_paths=str(path), **keys)


def rows(data):
    batch = data.collate(data.train_examples[:1], None)
    return batch.tokens[0].tolist(), batch.segments[0].tolist(), batch.lengths[0].tolist()


def test_a_single_text_by_hand(tmp_path, path):
    tokens, segments, lengths = rows(prepared(tmp_path, both_sides(path)))
    assert tokens == [[EOS, *b"ab", CLS, *[PAD] * 4]] and lengths == [4]
    assert segments == [[0] * 8]
    encoder = rows(prepared(tmp_path, both_sides(path), kind="encoder"))[0]
    assert encoder == [[CLS, *b"ab", SEP, *[PAD] * 4]]
    source = rows(prepared(tmp_path, both_sides(path), kind="encoder_decoder"))[0]
    assert source == [[*b"ab", EOS, *[PAD] * 5]]


def test_a_pair_by_hand(tmp_path, path):
    source = both_sides(path, text_pair="other")
    tokens, segments, _ = rows(prepared(tmp_path, source))
    assert tokens == [[EOS, *b"ab", SEP, *b"cde", CLS]]
    assert segments == [[0, 0, 0, 0, 1, 1, 1, 1]]
    encoder = prepared(tmp_path, source, kind="encoder")
    assert rows(encoder)[:2] == ([[CLS, *b"ab", SEP, *b"cde", SEP]], segments)


def test_both_orders_of_a_pair(tmp_path, path):
    data = prepared(tmp_path, both_sides(path, text_pair="other"), both_orders=True)
    assert rows(data)[0] == [[EOS, *b"ab", SEP, *b"cde", CLS], [EOS, *b"cde", SEP, *b"ab", CLS]]
    with pytest.raises(ValueError, match="data.both_orders=true has no effect without pairs"):
        prepared(tmp_path, both_sides(path), both_orders=True)


def test_choices_with_a_context_and_fewer_of_them(tmp_path):
    path = write(tmp_path / "a.csv", [{"text": "q", "a": "x", "b": "yy", "c": "", "label": "b"}])
    data = prepared(tmp_path, both_sides(path, choices=["a", "b", "c"]))
    tokens, _, lengths = rows(data)
    assert tokens == [
        [EOS, *b"q", SEP, *b"x", CLS, *[PAD] * 3],
        [EOS, *b"q", SEP, *b"yy", CLS, PAD, PAD],
    ]
    assert lengths == [5, 6] and data.is_choice and data.labels == []
    more = write(tmp_path / "b.csv", [{"text": "q", "a": "x", "b": "y", "c": "z", "label": "2"}])
    data = prepared(tmp_path, make_table(more, validation_paths=str(path), choices=["a", "b", "c"]))
    batch = data.collate([data.train_examples[0], data.val_examples[0]], None)
    assert batch.lengths.tolist() == [[5, 5, 5], [5, 6, 0]]
    assert batch.label.tolist() == [2, 1] and batch.index.tolist() == [0, -1]
    assert data.example(-1).labelled.choices == ("x", "yy")


def test_long_texts_lose_their_ends_and_are_counted(tmp_path):
    rows_ = [{"text": "a" * n, "other": "bb", "label": "xy"[n % 2]} for n in range(1, 21)]
    path = write(tmp_path / "a.csv", rows_)
    data = prepared(tmp_path, both_sides(path, text_pair="other"), seq_len=16)
    assert max(len(each.tokens[0]) for each in data.train_examples) == 16
    assert data.train_examples[19].tokens[0].tolist() == [EOS, *b"a" * 11, SEP, *b"bb", CLS]
    assert data.notes[-2:] == [
        f"9 of 20 {side} examples are longer than data.seq_len=16 tokens and lost their ends"
        for side in ("training", "validation")
    ]


def test_labels_and_numbers(tmp_path):
    path = write(tmp_path / "a.csv", many(40))
    data = prepared(tmp_path, make_table(path))
    batch = data.collate(data.train_examples, None)
    texts = [each.labelled.texts[0] for each in data.train_examples]
    assert batch.label.tolist() == [int(text[0] == "y") for text in texts]
    assert not data.is_numeric and bool(batch.value.isnan().all())
    numbers = prepared(tmp_path, make_table(path, label="number"))
    assert numbers.is_numeric
    values = [each.value for each in numbers.train_examples]
    assert numbers.mean_value == pytest.approx(float(np.mean(values)))
    assert sum(numbers.unknown.values()) == len(numbers.val_examples)


def test_a_batch_does_not_depend_on_its_split(tmp_path):
    data = prepared(tmp_path, make_table(write(tmp_path / "a.csv", many(40))))
    batch = data.train_batches()[3]
    assert torch.equal(torch.cat([part.label for part in batch.split(3)]), batch.label)
    shares = [
        prepared(tmp_path, data.source, rank=rank, world_size=2).train_batches()[3].index
        for rank in range(2)
    ]
    assert torch.equal(torch.cat(shares), batch.index)


def test_an_empty_side_is_refused(tmp_path, path):
    with pytest.raises(ValueError, match="there is no validation example"):
        prepared(tmp_path, make_table(path, validation_fraction=1e-9))
