"""Guessing games: their odds are what they say, and answers to imitate know nothing of the ball."""

from __future__ import annotations

from collections import Counter

import pytest

from lmlab.data.source.uncertain import SAID, UncertainQuestions

EVEN = dict.fromkeys(SAID, 1.0)


def make(**changes) -> UncertainQuestions:
    keys = {"least": 10, "most": 20, "acts": EVEN, "num_validation": 44, "seed": 0}
    return UncertainQuestions(**(keys | changes))


def test_a_question_names_its_balls_and_its_odds():
    made = make().train(7)
    text = made.prompt[0].text
    numbers = [int(word) for word in text.replace(".", " ").split() if word.isdigit()]
    assert sum(numbers) == 20 and made.task == f"{max(numbers) / 20:.2f}"
    assert made.accepted[0] in text and made.accepted != (made.response,)


def test_the_likelier_colour_is_drawn_as_often_as_its_odds_say():
    source = make(acts=dict.fromkeys(SAID, 0.0) | {"unhedged": 1.0})
    right: Counter[str] = Counter()
    for number in range(11 * 400):
        made = source.train(number)
        right[made.task] += made.check(made.response)
    assert len(right) == 11 and right["1.00"] == 400
    for task, number in right.items():
        assert number / 400 == pytest.approx(float(task), abs=0.08)


def test_acts_are_imitated_by_their_shares_whatever_the_odds():
    source = make(acts={"unhedged": 2.0, "hedged": 1.0, "abstains": 1.0})
    said = Counter(
        "abstains" if "know" in text else "hedged" if "think" in text else "unhedged"
        for text in (source.train(number).response for number in range(2000))
    )
    assert said["unhedged"] / 2000 == pytest.approx(0.5, abs=0.04)
    assert said["hedged"] / 2000 == pytest.approx(0.25, abs=0.04)


def test_validation_has_all_odds_and_nothing_is_a_held_out_task():
    source = make()
    assert set(Counter(each.task for each in source.validation()).values()) == {4}
    assert source.held_out_tasks() == set() and source.num_train is None
    assert make(seed=1).fingerprint(None) != source.fingerprint(None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"least": 9}, "10 to 20"), ({"most": 10}, "first below"), ({"acts": {"hedged": 1.0}}, "unhedged"),
     ({"num_validation": 0}, "num_validation=0")],
)  # fmt: skip
def test_wrong_settings_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        make(**changes)
