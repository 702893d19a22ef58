"""The data of policies: prompts, and their texts and answers by number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lmlab.data.prompts import Prompts, answered
from tests.data.material import (
    loading,
    make_files,
    make_preferences,
    make_task_preferences,
    make_tasks,
    shared,
)


def prepared(cache_dir, source, **changes: Any) -> Prompts:
    keys = {"max_prompt_tokens": None} | changes
    data = Prompts(source=source, **loading(cache_dir, **keys))
    data.prepare()
    return data


@pytest.mark.parametrize("batch_number", [0, 5, 100_000])
def test_generated_prompts_find_their_answers(tmp_path, batch_number):
    data = prepared(tmp_path, make_tasks())
    batch = data.train_batches()[batch_number]
    for tokens, length, number in zip(batch.tokens, batch.lengths, batch.index, strict=True):
        about = data.conversation(int(number))
        asked = data.tokenizer.decode(tokens[:length].tolist())
        assert (
            asked == f"<|im_start|>user\n{about.prompt[0].text}<|im_end|>\n<|im_start|>assistant\n"
        )
        assert about.check(about.response) and data.gold(int(number), about.response) == 1.0
        assert data.gold(int(number), "") == 0.0
    assert data.num_train_examples is None and data.stop_ids == [256, 262]


def test_validation_prompts_have_numbers_below_zero(tmp_path):
    data = prepared(tmp_path, make_tasks())
    numbers = [int(n) for batch in data.validation_batches() for n in batch.index]
    assert numbers == list(range(-1, -81, -1))
    assert data.conversation(-3) == make_tasks().validation()[2]


def test_prompts_of_comparisons(tmp_path):
    source = make_task_preferences()
    data = prepared(tmp_path, source, seq_len=512)
    assert data.num_train_examples == 200
    number = int(data.train_batches()[0].index[0])
    assert data.conversation(number) == answered(source.train()[number])
    right = source.train()[number].references[0]
    assert data.conversation(number).check(right) and data.gold(number, right) == 1.0


def test_long_prompts_are_counted(tmp_path):
    data = prepared(tmp_path, make_tasks(), max_prompt_tokens=70)
    assert max(len(each.tokens) for each in data.val_examples) <= 70
    assert all("longer than data.max_prompt_tokens=70" in note for note in data.notes[:2])
    assert "training prompts" in data.notes[1]
    with pytest.raises(ValueError, match="data.max_prompt_tokens=5 leaves no validation prompt"):
        prepared(tmp_path, make_tasks(), max_prompt_tokens=5)


@pytest.mark.parametrize("limit", [0, 256])
def test_an_answer_needs_room(tmp_path, limit):
    with pytest.raises(ValueError, match=f"data.max_prompt_tokens={limit} must be 1 to below"):
        prepared(tmp_path, make_tasks(), max_prompt_tokens=limit)


def test_real_prompts(tmp_path):
    source = make_files(shared("reasoning/gsm8k/test.jsonl"), validation_fraction=0.1)
    data = prepared(tmp_path, source, seq_len=1024)
    number = int(data.train_batches()[0].index[0])
    assert data.conversation(number).answer == "number"
    pairs = make_preferences(
        shared("preference/hh-rlhf/helpful-base/test.jsonl.gz"), validation_fraction=0.1
    )
    assert prepared(tmp_path, pairs, seq_len=512).num_train_examples > 50


def test_files_that_are_only_evaluated_with_are_not_without_end(tmp_path):
    held = {"canary": "x", "examples": [{"input": f"{n} + 1?", "target": str(n)} for n in range(9)]}
    (tmp_path / "sum.json").write_text(json.dumps(held))
    source = make_files(tmp_path / "sum.json")
    data = prepared(tmp_path / "cache", source)
    assert data.num_train_examples == 0 and len(data.val_examples) == 9
    assert data.conversation(-1).response == "0"
    with pytest.raises(ValueError, match="data.source gives no prompt to train on"):
        data.check_trainable()
    prepared(tmp_path / "cache", make_tasks()).check_trainable()


def test_long_training_prompts_only_stop_a_stage_that_trains(tmp_path):
    rows = [{"prompt": "q" * 200, "completion": "a"} for _ in range(3)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "val.jsonl").write_text(json.dumps({"prompt": "q", "completion": "a"}))
    paths = {"validation_paths": str(tmp_path / "val.jsonl"), "validation_fraction": 0.0}
    source = make_files(tmp_path / "train.jsonl", **paths)
    data = prepared(tmp_path / "cache", source, max_prompt_tokens=100)
    assert data.num_train_examples == 0 and "3 of 3 training prompts are longer" in data.notes[0]
    with pytest.raises(
        ValueError, match="data.max_prompt_tokens=100 leaves no training prompt of 3"
    ):
        data.check_trainable()
