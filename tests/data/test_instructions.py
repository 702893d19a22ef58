"""The data of instruction tuning: rows of whole conversations, splits, resume, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from lmlab.data.encode import Encoded
from lmlab.data.instructions import Instructions
from tests.data.material import loading, make_files, make_tasks, marked_bytes, shared


def prepared(cache_dir, source=None, **changes: Any) -> Instructions:
    keys = {"kind": "decoder", "loss": "response", "packing": True, "prefix_attention": False}
    keys |= changes
    data = Instructions(source=source or make_tasks(), **loading(cache_dir, **keys))
    data.prepare()
    return data


def table(folder, number: int = 60, length: int = 5):
    rows = [{"prompt": f"q{n}", "completion": "x" * (1 + n % length)} for n in range(number)]
    path = folder / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return make_files(path, validation_fraction=0.2)


def answers_in(batch, tokenizer) -> list[str]:
    """Every answer that a batch scores."""
    found = []
    for row in range(len(batch.tokens)):
        text = tokenizer.decode(batch.targets[row][batch.mask[row]].tolist())
        found += text.split("<|im_end|>")[:-1]
    return found


def test_an_epoch_has_every_conversation_once(tmp_path):
    source = table(tmp_path)
    data = prepared(tmp_path, source, step_sequences=1, seq_len=128)
    batches = data.train_batches()
    each = [batches[number] for number in range(data.num_train_examples)]
    said = [answer for batch in each for answer in answers_in(batch, data.tokenizer)]
    expected = [source.train(number).response for number in range(source.num_train)]
    assert sorted(said) == sorted(expected)
    assert all(batch.tokens.shape == (1, 128) for batch in each)
    assert f"{len(expected)} conversations in {len(each)} rows of 128 tokens" in data.notes[0]


def test_generated_tasks_go_on_without_end(tmp_path):
    data = prepared(tmp_path)
    assert data.num_train_examples is None
    first, later = data.train_batches()[0], data.train_batches()[10_000]
    assert first.tokens.shape == later.tokens.shape == (8, 256)
    assert not torch.equal(first.tokens, later.tokens)
    again = prepared(tmp_path).train_batches()[10_000]
    assert torch.equal(again.tokens, later.tokens) and torch.equal(again.mask, later.mask)


def test_two_processes_share_what_one_has(tmp_path):
    whole = prepared(tmp_path).train_batches()[3]
    halves = [prepared(tmp_path, world_size=2, rank=rank).train_batches()[3] for rank in (0, 1)]
    assert torch.equal(torch.cat([half.tokens for half in halves]), whole.tokens)


def test_documents_of_a_row_are_its_conversations(tmp_path):
    batch = prepared(tmp_path).train_batches()[0]
    starts = batch.positions == 0
    real = batch.documents >= 0
    assert (batch.tokens[starts & real] == 261).all()
    assert ((batch.documents < 0) == (batch.tokens == 257)).all()
    assert not batch.mask[~real].any() and batch.mask.any(dim=1).all()


def test_a_validation_example_says_what_was_asked(tmp_path):
    data = prepared(tmp_path)
    assert {type(each) for each in data.val_examples} == {Encoded}
    each = data.val_examples[0]
    asked = data.tokenizer.decode(each.prompt.tolist())
    assert asked.endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert each.conversation.prompt[0].text in asked
    assert each.conversation.check(each.conversation.accepted[0])
    assert each.conversation.task and each.conversation.category
    assert data.stop_ids == [256, 262]
    assert {"sort_down", "next_day"} < data.held_out_tasks and "add" not in data.held_out_tasks


def test_validation_batches_hold_every_example_once(tmp_path):
    data = prepared(tmp_path)
    batches = data.validation_batches()
    said = [each for batch in batches for each in answers_in(batch, data.tokenizer)]
    assert said == [each.conversation.response for each in data.val_examples]
    assert all(len(batch.tokens) <= 8 for batch in batches)


def test_unpacked_rows_are_as_wide_as_the_longest(tmp_path):
    data = prepared(tmp_path, table(tmp_path), packing=False)
    batch = data.train_batches()[0]
    assert batch.tokens.shape[1] < 64 and (batch.documents <= 0).all()
    assert data.num_train_examples == data.source.num_train


def test_an_encoder_decoder_reads_the_prompt_and_writes_the_answer(tmp_path):
    data = prepared(tmp_path, kind="encoder_decoder", template="plain")
    batch = data.train_batches()[0]
    source = data.tokenizer.decode(batch.source[0][batch.source_mask[0]].tolist())
    answer = data.tokenizer.decode(batch.targets[0][batch.mask[0]].tolist())
    assert source.endswith("\n<|endoftext|>") and answer.endswith("<|endoftext|>")
    assert (batch.tokens[:, 0] == 257).all()
    assert torch.equal(batch.tokens[:, 1:], batch.targets[:, :-1])


def test_too_long_is_counted_and_all_too_long_is_an_error(tmp_path):
    source = table(tmp_path, 200, length=100)
    data = prepared(tmp_path, source, seq_len=64)
    (note,) = [note for note in data.notes if "training" in note]
    assert "are longer than data.seq_len=64 tokens and were left out" in note
    with pytest.raises(ValueError, match="data.seq_len=20 leaves no validation conversation of"):
        prepared(tmp_path, source, seq_len=20)


def test_no_validation_is_an_error(tmp_path):
    source = table(tmp_path)
    source.validation_fraction = 0.0
    with pytest.raises(ValueError, match="no validation conversation of 0; the source gives none"):
        prepared(tmp_path, source)


def test_the_fingerprint_follows_what_decides_the_examples(tmp_path):
    changes = [{}, {"loss": "all"}, {"template": "plain"}, {"packing": False}, {"seq_len": 200}]
    prints = {prepared(tmp_path, **change).fingerprint for change in changes}
    assert len(prints) == len(changes)
    assert prepared(tmp_path).fingerprint in prints


def test_a_state_of_other_data_is_refused(tmp_path):
    state = prepared(tmp_path).state_dict()
    prepared(tmp_path).load_state_dict(state)
    with pytest.raises(ValueError, match="trained on other data"):
        prepared(tmp_path, loss="all").load_state_dict(state)


def test_real_instructions_with_their_task_lists(tmp_path):
    folder = shared("instruct/natural-instructions")
    source = make_files(
        folder / "tasks",
        train_tasks=str(folder / "splits" / "train_tasks.txt"),
        validation_tasks=str(folder / "splits" / "test_tasks.txt"),
        max_per_task=10,
    )
    data = prepared(tmp_path, source, seq_len=1024, tokenizer=marked_bytes())
    assert {each.conversation.category for each in data.val_examples} > {"Word Semantics"}
    assert data.train_batches()[0].mask.any(dim=1).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "all"}, "data.loss=all"),
        ({"prefix_attention": True}, "data.prefix_attention=True"),
    ],
)
def test_what_an_encoder_decoder_does_not_read_is_refused(tmp_path, settings, words):
    with pytest.raises(ValueError, match=f"{words} has no effect on .* encoder_decoder"):
        prepared(tmp_path, kind="encoder_decoder", template="plain", **settings)
