"""The data of reward models: literal tensors, K responses, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from lmlab.data.preferences import Preferences
from tests.data.material import loading, make_preferences, make_task_preferences, shared


def prepared(cache_dir, source, **changes: Any) -> Preferences:
    data = Preferences(source=source, **loading(cache_dir, **({"kind": "decoder"} | changes)))
    data.prepare()
    return data


def table(folder, rows):
    path = folder / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return make_preferences(path, validation_paths=str(path))


def test_a_pair_by_hand(tmp_path):
    row = {"prompt": "ab", "chosen": "cde", "rejected": "f", "margin": 1.5, "labeller": "eva"}
    data = prepared(tmp_path, table(tmp_path, [row]), template="plain")
    batch = data.collate(list(data.train_examples), None)
    assert batch.tokens[0].tolist() == [
        [*b"ab\ncde", 256, 257],
        [*b"ab\nf", 256, 257, 257, 257],
    ]
    assert batch.lengths.tolist() == [[7, 5]] and batch.ranks.tolist() == [[0, 1]]
    assert batch.mask[0].int().tolist() == [[0, 0, 0, 1, 1, 1, 1, 0], [0, 0, 0, 1, 1, 0, 0, 0]]
    assert batch.margin.tolist() == [1.5] and batch.labeller.tolist() == [0]
    assert batch.index.tolist() == [0] and data.labellers == ["eva"]


def test_prompts_of_fewer_responses_are_filled_up(tmp_path):
    rows = [
        {"prompt": "a", "responses": ["b", "c", "d"], "ranks": [2, 1, 2]},
        {"prompt": "e", "responses": ["f", "g"]},
    ]
    data = prepared(tmp_path, table(tmp_path, rows), template="plain")
    batch = data.collate(list(data.train_examples), None)
    assert batch.tokens.shape[:2] == (2, 3) and batch.lengths[1].tolist() == [4, 4, 0]
    assert batch.ranks.tolist() == [[0, 1, 1], [0, 1, 3]]
    assert not batch.mask[1, 2].any() and batch.labeller.tolist() == [-1, -1]


def test_a_batch_splits_by_prompts(tmp_path):
    data = prepared(tmp_path, make_task_preferences())
    batch = data.train_batches()[0]
    parts = list(batch.split(3))
    assert [len(part.tokens) for part in parts] == [3, 3, 2]
    assert torch.equal(torch.cat([part.ranks for part in parts]), batch.ranks)


def test_texts_are_found_by_the_index(tmp_path):
    data = prepared(tmp_path, make_task_preferences())
    batch = data.train_batches()[2]
    for row, number in enumerate(batch.index.tolist()):
        comparison = data.source.train()[number]
        best = data.tokenizer.decode(batch.tokens[row, 0][batch.mask[row, 0]].tolist())
        assert best == comparison.responses[0] + "<|im_end|>"
    assert [each.number for each in data.val_examples[:2]] == [-1, -2]


def test_too_long_is_counted(tmp_path):
    rows = [{"prompt": "a" * n, "chosen": "bb", "rejected": "c"} for n in range(1, 80)]
    data = prepared(tmp_path, table(tmp_path, rows), seq_len=64, template="plain")
    assert data.num_train_examples == 60
    assert data.notes[0] == (
        "19 of 79 training comparisons are longer than data.seq_len=64 tokens and were left out "
        "(17 by their prompt alone)"
    )
    with pytest.raises(ValueError, match="no training comparison is left of 79; set data.seq_len"):
        prepared(tmp_path, table(tmp_path, rows), seq_len=4, template="plain")


def test_an_encoder_decoder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="an encoder-decoder does not read"):
        prepared(tmp_path, make_task_preferences(), kind="encoder_decoder")


def test_hh_rlhf(tmp_path):
    folder = shared("preference/hh-rlhf/helpful-base")
    source = make_preferences(folder / "test.jsonl.gz", validation_fraction=0.1)
    data = prepared(tmp_path, source, seq_len=2048)
    batch = data.train_batches()[0]
    text = data.tokenizer.decode(batch.tokens[0, 0, : batch.lengths[0, 0]].tolist())
    assert text.startswith("<|im_start|>user\n") and text.endswith("<|im_end|>")
    assert "Human:" not in text
