from __future__ import annotations

import math

import pytest

from tests.stage.posttraining import fit, make_run


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_it_learns_and_is_judged_by_its_answers(tmp_path):
    run = make_run(
        tmp_path,
        "stage=sft",
        "budget.steps=30",
        "optim.learning_rate=1e-2",
        "stage.num_generated=8",
        "stage.max_new_tokens=6",
    )
    fit(run, 30)
    metrics = run.stage.val_metrics
    assert metrics["val/loss_nats"] < 0.85 * math.log(run.tokenizer.vocab.size)
    assert metrics["val/generated"] == 8
    assert {"val/exact_match", "val/token_f1", "val/rouge_l", "val/correct"} <= metrics.keys()
    shown = run.stage.samples[0]
    assert shown["prompt"] and shown["wanted"] and shown["correct"] in ("True", "False")
    assert 0 < run.stage.num_tokens <= 30 * run.plan.step_tokens


def test_a_right_answer_scores_one(tmp_path, monkeypatch):
    run = make_run(tmp_path, "stage=sft", "budget.steps=1", "stage.num_generated=6")
    stage = run.stage
    wanted = iter([each.conversation.accepted[0] for each in stage._askable()[0]])
    monkeypatch.setattr(stage, "answers", lambda prompts: [next(wanted) for _ in prompts])
    metrics = stage.judge()
    assert metrics["val/exact_match"] == metrics["val/correct"] == metrics["val/rouge_l"] == 1.0


def test_prompts_without_room_for_an_answer_are_counted(tmp_path):
    run = make_run(
        tmp_path, "stage=sft", "budget.steps=1", "stage.num_generated=5", "stage.max_new_tokens=255"
    )
    examples, skipped = run.stage._askable()
    assert skipped == 5 and not examples
    assert run.stage.judge() == {"val/generated": 0.0}


def test_an_encoder_decoder_answers_too(tmp_path):
    run = make_run(
        tmp_path,
        "stage=sft",
        "arch=t5_tiny",
        "budget.steps=2",
        "stage.num_generated=3",
        "stage.max_new_tokens=4",
    )
    fit(run, 2)
    assert run.stage.val_metrics["val/generated"] == 3


def test_wrong_settings_are_refused(tmp_path):
    with pytest.raises(ValueError, match="stage.max_new_tokens=0"):
        make_run(tmp_path, "stage=sft", "budget.steps=1", "stage.max_new_tokens=0")


def test_held_out_tasks_and_categories_are_scored_apart(tmp_path, monkeypatch):
    """Every trained task is answered rightly, and no other."""
    run = make_run(
        tmp_path,
        "stage=sft",
        "budget.steps=1",
        "stage.num_generated=60",
        "data.source.num_validation=60",
        "data.source.categories=[copying,dates]",
        "data.source.held_out_tasks=[copy_quote]",
    )
    stage = run.stage
    abouts = iter([each.conversation for each in stage._askable()[0]])
    trained = set(run.data.source.trained)
    monkeypatch.setattr(
        stage,
        "answers",
        lambda prompts: [
            about.accepted[0] if about.task in trained else "?"
            for about, _ in zip(abouts, prompts, strict=False)
        ],
    )
    metrics = stage.judge()
    for name in ("exact_match", "token_f1", "rouge_l", "correct"):
        assert metrics[f"val/trained_{name}"] == 1.0
        assert metrics[f"val/held_out_{name}"] == 0.0
        assert metrics[f"val/held_out_category_{name}"] == 0.0
    assert {row["category"]: row["held_out"] for row in stage.tables["by_category"]} == {
        "copying": False, "dates": True,
    }  # fmt: skip
    held_out = {row["task"] for row in stage.tables["by_task"] if row["held_out"]}
    assert held_out == set(run.data.source.held_out)


def test_tokens_are_those_of_all_shares_of_the_batch(tmp_path):
    run = make_run(tmp_path, "stage=sft", "budget.steps=1")
    batch = run.data.train_batches()[0]
    run.data.world_size = 3
    assert run.stage.step_tokens(batch) == 3 * int((batch.documents >= 0).sum())
