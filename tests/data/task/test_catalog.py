"""All tasks by name: how many, and that an example is a function of its number."""

from __future__ import annotations

import pytest

from lmlab.data.task.catalog import catalog, categories, example, known
from lmlab.data.task.task import FORMATS


def test_there_are_many_tasks_in_categories():
    assert len(catalog()) == 78 and len(categories()) == 14
    assert sum(map(len, categories().values())) == 78
    assert len({task.label for task in catalog().values()}) == 78
    assert catalog()["copy_text"].label == "task 1A"


def test_an_example_for_ever():
    made = example("add", 3, seed=0, form="prefix")
    assert made.prompt[0].text == "add: 95 66" and made.response == "161"
    assert made == example("add", 3, seed=0, form="prefix")
    others = [example("add", n, seed=s) for n, s in ((4, 0), (3, 1))]
    assert all(other.response != made.response for other in others)


@pytest.mark.parametrize("task", catalog())
def test_every_task_in_every_format(task):
    for form in FORMATS:
        made = [example(task, number, seed=5, form=form, max_depth=4) for number in range(40)]
        assert all(each.check(each.response) for each in made)
        assert not any(each.check("a wrong answer") for each in made)
        assert max(len(each.text) for each in made) < 400
        assert len({each.text for each in made}) > 5


def test_formats_of_one_number_are_about_the_same_item():
    answers = {example("sort_words", 9, seed=0, form=form).response for form in FORMATS}
    assert len(answers) == 1


def test_unknown_names_are_told_with_the_nearest():
    with pytest.raises(ValueError, match=r"x names 'sort_word', .* did you mean sort_words\?"):
        known(["sort_word"], "x", catalog())
    assert known(["add"], "x", catalog()) == ["add"]
