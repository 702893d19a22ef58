"""Comparisons in files: sides, labellers, what is left out, and hh-rlhf."""

from __future__ import annotations

import json

import pytest

from tests.data.material import make_preferences, shared


def write(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def rows(number: int, labeller: str = "eva"):
    return [
        {"prompt": f"q {n}", "chosen": f"a {n}", "rejected": "b", "labeller": labeller}
        for n in range(number)
    ]


def test_a_fraction_by_the_first_turn(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(300) + rows(300))
    source = make_preferences(path, validation_fraction=0.1)
    train, kept = ({each.prompt for each in side} for side in (source.train(), source.validation()))
    assert not train & kept and 10 < len(kept) < 60


def test_held_out_labellers(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(5) + rows(4, "max"))
    source = make_preferences(path, held_out_labellers=["max"])
    assert {each.labeller for each in source.train()} == {"eva"}
    assert {each.labeller for each in source.validation()} == {"max"}
    with pytest.raises(ValueError, match="names 'ida', who labelled nothing here"):
        make_preferences(path, held_out_labellers=["ida"]).train()


def test_unusable_rows_are_counted(tmp_path):
    bad = [
        {"prompt": "q", "chosen": "a", "rejected": "a"},
        {"prompt": "q", "chosen": "", "rejected": "a"},
    ]
    source = make_preferences(write(tmp_path / "a.jsonl", rows(3) + bad))
    assert source.notes() == [
        "3 comparisons to train on, 0 to validate on",
        "1 left out: equal chosen and rejected",
        "1 left out: empty completion",
    ]


def test_a_most_of_validation_and_the_fingerprint(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(9))
    source = make_preferences(path, validation_paths=str(path), max_validation=4)
    assert len(source.validation()) == 4
    assert source.fingerprint(tmp_path) != make_preferences(path).fingerprint(tmp_path)


def test_a_fraction_out_of_range():
    with pytest.raises(ValueError, match="data.source.validation_fraction=-0.1"):
        make_preferences("x", validation_fraction=-0.1)


def test_hh_rlhf():
    folder = shared("preference/hh-rlhf/helpful-base")
    source = make_preferences(
        folder / "train.jsonl.gz", validation_paths=str(folder / "test.jsonl.gz")
    )
    assert len(source.train()) == 1548 and len(source.validation()) == 249
    assert all(each.prompt[-1].role == "user" for each in source.train())
    first = source.train()[0]
    assert first.prompt[0].text.startswith("Do you know why turkeys became")
    assert source.notes()[1:] == [
        "1 left out: empty completion",
        "2 left out: equal chosen and rejected",
    ]
