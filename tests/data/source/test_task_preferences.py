"""Generated comparisons: ranked by gold without noise, wrong as often as asked with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmlab.data.source.task_preferences import noisy_sort
from lmlab.data.task.draw import Draw
from lmlab.data.task.gold import gold_score
from tests.data.material import make_task_preferences, make_tasks


def golds(comparison) -> list[float]:
    return [
        gold_score(each, comparison.references, comparison.answer) for each in comparison.responses
    ]


def test_without_noise_the_first_labeller_follows_the_gold_score():
    source = make_task_preferences(num_labellers=1, held_out_labellers=0)
    for each in source.train():
        assert golds(each) == sorted(golds(each), reverse=True)
        assert len(set(each.responses)) == 3 and each.ranks == (0, 1, 2)


def test_label_noise_is_the_share_of_wrong_pairs():
    source = make_task_preferences(
        num_train=1500, num_responses=2, label_noise=0.2, num_labellers=1, held_out_labellers=0
    )
    gaps = [golds(each) for each in source.train()]
    told_apart = [better > worse for better, worse in gaps if better != worse]
    assert sum(told_apart) / len(told_apart) == pytest.approx(0.8, abs=0.04)


def test_labellers_are_held_out():
    source = make_task_preferences()
    assert {each.labeller for each in source.train()} == {f"labeller_{n}" for n in range(3)}
    assert {each.labeller for each in source.validation()} == {f"labeller_{n}" for n in range(4)}
    assert "1 of 4 labellers held out" in source.notes()[0]


def test_the_same_every_time_and_other_for_another_seed(tmp_path):
    one, same, other = (
        make_task_preferences(),
        make_task_preferences(),
        make_task_preferences(seed=1),
    )
    assert one.train() == same.train() and one.train() != other.train()
    assert one.fingerprint(tmp_path) == same.fingerprint(tmp_path) != other.fingerprint(tmp_path)


def test_a_margin_tells_no_sign():
    source = make_task_preferences(label_noise=0.5)
    assert all(each.margin >= 0 for each in source.train())


def test_noisy_sort_by_hand():
    worth = {"a": 1.0, "b": 3.0, "c": 2.0}
    assert noisy_sort(list("abc"), worth, 0.0, Draw(0)) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_responses": 1}, "data.source.num_responses=1"),
        ({"label_noise": 0.6}, "data.source.label_noise=0.6"),
        ({"held_out_labellers": 4}, "data.source.held_out_labellers=4"),
        ({"num_train": 0}, "data.source.num_train=0"),
    ],
)
def test_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        make_task_preferences(questions=make_tasks(), **changes)


def write_answers(folder: Path, rows: list[dict[str, object]]) -> str:
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


def test_a_models_own_answers_are_compared_before_made_up_ones(tmp_path):
    plain = make_task_preferences()
    rows = [
        {"number": number, "prompt": question.prompt[-1].text, "answer": f"said {each}"}
        for number, question in [(0, plain.questions.train(0)), (-1, plain.validation()[0])]
        for each in ("a", "b", "a", "")
    ]
    source = make_task_preferences(drawn_by=write_answers(tmp_path, rows))
    for first in (source.train()[0], source.validation()[0]):
        assert {"said a", "said b"} < set(first.responses) and len(first.responses) == 3
    assert source.train()[1:] == plain.train()[1:]
    assert source.fingerprint(tmp_path) != plain.fingerprint(tmp_path)
    assert "2 questions with answers of" in source.notes()[1]


def test_answers_of_no_run_or_to_other_questions_are_refused(tmp_path):
    for rows in ([], [{"prompt": "typed", "answer": "a"}]):
        with pytest.raises(ValueError, match="has no answers.jsonl with answers to questions"):
            make_task_preferences(drawn_by=write_answers(tmp_path, rows)).train()
    rows = [{"number": 0, "prompt": "another question", "answer": "a"}]
    with pytest.raises(ValueError, match="has answers to other questions"):
        make_task_preferences(drawn_by=write_answers(tmp_path, rows)).train()
