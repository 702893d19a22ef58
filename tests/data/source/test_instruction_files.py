"""Conversations in files: sides, limits, what is left out, and the project's real data."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from lmlab.data.conversation import single
from lmlab.data.source.instruction_files import limited, spread, task_list
from tests.data.material import make_files, shared


def write(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def rows(number: int, task: str = "") -> list[dict[str, str]]:
    return [{"prompt": f"{task} {n}", "completion": str(n), "task": task} for n in range(number)]


def test_a_fraction_by_hash_keeps_equal_prompts_together(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(400) + rows(400))
    source = make_files(path, validation_fraction=0.1)
    train = {source.train(number).prompt for number in range(source.num_train)}
    kept = {each.prompt for each in source.validation()}
    assert not train & kept and 20 < len(kept) < 60
    assert source.num_train + len(source.validation()) == 800


def test_tasks_that_are_held_out(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(5, "x") + rows(5, "y") + rows(5, "z"))
    source = make_files(path, train_tasks=["x"], validation_tasks=["z"])
    assert {source.train(number).task for number in range(source.num_train)} == {"x"}
    assert {each.task for each in source.validation()} == {"z"}
    assert source.held_out_tasks() == {"z"}
    assert "5 conversations of 1 tasks to train on, 5 of 1 to validate on" in source.notes()


def test_unusable_rows_are_counted(tmp_path):
    bad = [{"prompt": "a", "completion": " "}, {"prompt": "", "completion": "a"}]
    source = make_files(write(tmp_path / "a.jsonl", rows(3) + bad))
    assert source.num_train == 3
    assert source.notes()[1:] == ["1 left out: empty completion", "1 left out: empty prompt"]


def test_big_bench_is_never_trained_on(tmp_path):
    held = {"canary": "do not train", "examples": [{"input": "a", "target": "b"}]}
    (tmp_path / "task.json").write_text(json.dumps(held))
    source = make_files(tmp_path)
    assert source.num_train == 0 and len(source.validation()) == 1


def test_limits_take_evenly():
    made = [
        single(f"{t} {n}", "x", task=t) for t, many in (("a", 50), ("b", 5)) for n in range(many)
    ]
    assert Counter(each.task for each in limited(made, 7)) == {"a": 7, "b": 5}
    assert Counter(each.task for each in spread(made, 16)) == {"a": 11, "b": 5}
    assert limited(made, None) is made and spread(made, 100) is made
    assert len(spread(made, 1)) == 1


def test_task_lists(tmp_path):
    (tmp_path / "tasks.txt").write_text("a\nb\n")
    assert task_list(str(tmp_path / "tasks.txt"), "x") == ["a", "b"]
    assert task_list(["a"], "x") == ["a"] and task_list(None, "x") is None
    with pytest.raises(ValueError, match="data.source.train_tasks=no.txt is no file"):
        task_list("no.txt", "data.source.train_tasks")


def test_the_fingerprint_follows_files_and_settings(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(3))
    first = make_files(path).fingerprint(tmp_path)
    assert make_files(path).fingerprint(tmp_path) == first
    assert make_files(path, validation_fraction=0.2).fingerprint(tmp_path) != first
    write(path, rows(4))
    assert make_files(path).fingerprint(tmp_path) != first


def test_a_fraction_out_of_range():
    with pytest.raises(ValueError, match="data.source.validation_fraction=1"):
        make_files("x", validation_fraction=1)


def test_natural_instructions_by_its_task_lists():
    folder = shared("instruct/natural-instructions")
    source = make_files(
        folder / "tasks",
        train_tasks=str(folder / "splits" / "train_tasks.txt"),
        validation_tasks=str(folder / "splits" / "test_tasks.txt"),
        max_per_task=20,
        max_validation=70,
    )
    assert source.num_train == 480
    assert set(Counter(each.task for each in source.validation()).values()) == {10}


def test_a_table_of_other_columns_is_told():
    path = shared("classify/banking77/test.csv")
    with pytest.raises(ValueError, match="has the columns text, category, which is no known form"):
        make_files(path).notes()
    source = make_files(path, columns={"prompt": "text", "completion": "category"})
    assert source.num_train == 1540
