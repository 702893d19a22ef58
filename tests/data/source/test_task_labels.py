from __future__ import annotations

import pytest

from lmlab.data.source.task_labels import TaskLabels
from lmlab.data.task.catalog import categories


def make(**changes) -> TaskLabels:
    keys = {"label": "category", "num_train": 300, "num_validation": 60, "max_depth": 2, "seed": 0}
    return TaskLabels(**(keys | changes))


def test_every_category_is_a_class_and_no_question_is_on_both_sides():
    source = make()
    assert source.labels == sorted(categories())
    assert len(source.train()) == 300 and len(source.validation()) == 60
    assert not {e.texts for e in source.train()} & {e.texts for e in source.validation()}


def test_the_number_of_words_by_hand():
    for each in make(label="words", num_train=40).train():
        assert each.label == str(len(each.texts[0].split()))


def test_the_same_seed_gives_the_same_questions(tmp_path):
    assert make().validation() == make().validation() != make(seed=1).validation()
    assert make().fingerprint(tmp_path) != make(seed=1).fingerprint(tmp_path)


def test_numbers_below_one_raise():
    with pytest.raises(ValueError, match="data.source.num_train=0"):
        make(num_train=0)
