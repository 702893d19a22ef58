"""Generated tasks as a source: held-out tasks, the number of tasks, no question on both sides."""

from __future__ import annotations

from collections import Counter

import pytest

from lmlab.data.task.catalog import catalog, categories
from tests.data.material import make_tasks


def test_held_out_tasks_and_categories_are_only_validated_on():
    source = make_tasks()
    trained = {source.train(number).task for number in range(3000)}
    held_out = {"sort_down", *categories()["dates"]}
    assert trained == set(catalog()) - held_out
    assert {each.task for each in source.validation()} == set(catalog())
    assert "71 tasks are trained on; held out: day_after" in source.notes()[0]


def test_no_question_is_on_both_sides():
    source = make_tasks(num_validation=300)
    kept = {each.prompt for each in source.validation()}
    assert len(kept) == 300
    assert not any(source.train(number).prompt in kept for number in range(3000))


def test_an_example_is_a_function_of_seed_and_number():
    assert make_tasks().train(12345678901) == make_tasks().train(12345678901)
    assert make_tasks().train(5) != make_tasks(seed=1).train(5)
    source = make_tasks()
    texts = [source.train(number).text for number in range(2000)]
    assert len(set(texts)) > 1700


def test_fewer_tasks_are_part_of_more():
    few, more = (make_tasks(num_tasks=number).trained for number in (4, 16))
    assert len(few) == 4 and len(more) == 16 and set(few) < set(more)


def test_weights_are_shares():
    source = make_tasks(tasks=["add", "spell"], weights={"add": 3.0})
    counts = Counter(source.train(number).task for number in range(4000))
    assert counts["add"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_fingerprints_differ_with_every_setting(tmp_path):
    changes = [{}, {"seed": 1}, {"form": "label"}, {"num_tasks": 3}, {"max_depth": 3}]
    changes += [{"held_out_tasks": []}, {"weights": {"add": 2.0}}, {"num_validation": 81}]
    prints = {make_tasks(**change).fingerprint(tmp_path) for change in changes}
    assert len(prints) == len(changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tasks": ["adds"]}, "data.source.tasks names 'adds', .* did you mean add"),
        ({"held_out_categories": ["date"]}, "held_out_categories names 'date', .* dates"),
        ({"num_tasks": 72}, "data.source.num_tasks=72: there are 71 tasks"),
        ({"tasks": ["sort_down"]}, "leaves no task to train on"),
        ({"max_depth": 0}, "data.source.max_depth=0"),
        ({"weights": {"sort_down": 1.0}}, "data.source.weights names 'sort_down'"),
        ({"weights": {"add": 0.0}}, "size of add is 0"),
    ],
)
def test_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        make_tasks(**changes)


def test_answer_noise_is_the_share_of_worse_answers_and_leaves_the_right_one_known():
    plain, noisy = make_tasks(), make_tasks(answer_noise=0.3)
    pairs = [(plain.train(number), noisy.train(number)) for number in range(600)]
    other = [(right, shown) for right, shown in pairs if right != shown]
    assert len(other) / len(pairs) == pytest.approx(0.3, abs=0.05)
    assert all(right.prompt == shown.prompt for right, shown in pairs)
    assert all(right.accepted == shown.accepted for right, shown in pairs)
    assert sum(shown.check(shown.response) for _, shown in other) < 0.1 * len(other)
    assert noisy.validation() == plain.validation()
    with pytest.raises(ValueError, match=r"data.source.answer_noise=1.5 must be 0..1"):
        make_tasks(answer_noise=1.5)
