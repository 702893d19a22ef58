from __future__ import annotations

import json
import math

import pytest
import torch

from tests.stage.posttraining import fit, make_run


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


SHORT = ["stage=rm", "data.source.num_train=120", "data.seq_len=128"]


def test_it_begins_at_ln_2_and_reports_what_a_reward_model_is_judged_by(tmp_path):
    run = make_run(tmp_path, *SHORT, "budget.steps=12", "optim.learning_rate=3e-3")
    batch = run.data.train_batches()[0]
    loss = run.stage.score(batch)
    assert float((loss.total / loss.count).detach()) == pytest.approx(math.log(2), abs=0.05)
    fit(run, 12)
    wanted = {"val/loss_nats", "val/accuracy", "val/margin", "val/calibration_error"}
    assert wanted <= run.stage.val_metrics.keys()
    assert 0 <= run.stage.val_metrics["val/accuracy"] <= 1


def test_k_completions_go_through_once_and_pairs_weigh_the_same(tmp_path):
    settings = [*SHORT, "data.source.num_responses=4", "objective=ranked_bradley_terry"]
    run = make_run(tmp_path, *settings, "budget.steps=1")
    batch = run.data.train_batches()[0]
    found, row, _ = run.stage.rewards(batch)
    assert len(found) == int((batch.lengths > 0).sum())
    assert int(run.stage.count(batch)) <= len(batch.tokens) == len(row.unique())


def test_micro_batches_change_nothing(tmp_path):
    run = make_run(tmp_path, *SHORT, "budget.steps=1", "arch.dropout=0.0")
    batch = run.data.train_batches()[0]
    whole = run.stage.score(batch)
    parts = [run.stage.score(part) for part in batch.split(3)]
    assert int(sum(part.count for part in parts)) == int(whole.count)
    torch.testing.assert_close(sum(part.total for part in parts), whole.total)
    assert run.stage.count(batch) == whole.count


def test_an_encoder_can_be_a_reward_model(tmp_path):
    run = make_run(tmp_path, *SHORT, "arch=bert_tiny", "budget.steps=2")
    fit(run, 2)
    assert "val/accuracy" in run.stage.val_metrics


def test_whether_rows_have_margins_is_a_property_of_the_data(tmp_path):
    rows = [
        {
            "prompt": f"q{n}",
            "chosen": f"good {n}",
            "rejected": f"bad {n}",
            "margin": float(n % 3 == 0),
        }
        for n in range(40)
    ]
    table = tmp_path / "a.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)))
    files = [
        "data=preferences",
        f"data.source.paths={table}",
        "data.source.validation_fraction=0.2",
    ]
    settings = ["stage=rm", *files, "objective.margin=2.0", "budget.steps=1", "budget.epochs=null"]
    run = make_run(tmp_path, *settings)
    plain = make_run(tmp_path, *settings, "objective.margin=0")
    plain.stage.load_state_dict(run.stage.state_dict())
    for part in run.data.train_batches()[0].split(1):
        found, bare = run.stage.score(part), plain.stage.score(part)
        if float(part.margin) == 0:
            torch.testing.assert_close(found.total, bare.total)
        else:
            assert float(found.total.detach()) > float(bare.total.detach()) + 0.5


def test_an_encoder_trains_only_what_its_rewards_read(tmp_path):
    run = make_run(tmp_path, *SHORT, "arch=bert_tiny", "budget.steps=2")
    batch = run.data.train_batches()[0]
    run.stage.score(batch).total.backward()
    trained = {name: p for name, p in run.stage.named_parameters() if p.requires_grad}
    assert all(parameter.grad is not None for parameter in trained.values())
    assert "reward_head.linear.weight" in trained
    assert not any("transform" in name or "unembedding" in name for name in trained)


def test_tokens_are_those_of_all_shares_of_the_batch(tmp_path):
    run = make_run(tmp_path, *SHORT, "budget.steps=1")
    batch = run.data.train_batches()[0]
    run.data.world_size = 3
    assert run.stage.step_tokens(batch) == 3 * int(batch.lengths.sum())
