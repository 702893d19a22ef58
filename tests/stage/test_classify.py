"""Fine-tuning on labels: hand cases, laws, every kind of architecture, adapters, resuming."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lmlab.io.weights import load_weights
from lmlab.stage.classify import recalls
from tests.data.labelled_material import many, write
from tests.io import kill
from tests.stage.posttraining import fit, make_run


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def overrides(folder: Path, *more: str) -> list[str]:
    path = folder / "a.csv"
    if not path.exists():
        write(path, many(80))
    keys = [f"data.source.paths={path}", "data.seq_len=32", "arch.max_seq_len=32"]
    return [
        "stage=classify",
        "data=classification",
        *keys,
        "arch.dropout=0.0",
        "budget.epochs=null",
        *more,
    ]


def run_of(folder: Path, *more: str) -> Any:
    return make_run(folder, *overrides(folder, "budget.steps=8", *more))


def first(run: Any) -> Any:
    run.stage.eval()
    return run.data.train_batches()[0]


@pytest.mark.parametrize("arch", ["gpt_tiny", "bert_tiny"])
def test_the_first_loss_is_that_of_equal_scores(arch, tmp_path):
    run = run_of(tmp_path, f"arch={arch}")
    loss = run.stage.score(first(run))
    assert float((loss.total / loss.count).detach()) == pytest.approx(math.log(2), abs=0.1)


def test_the_auxiliary_loss_by_hand(tmp_path):
    """Row S3-23: L3 = L2 + lambda L1, L1 the mean over a text's tokens."""
    run = run_of(tmp_path, "stage.aux_lm_weight=0.5")
    batch, plain = first(run), run_of(tmp_path)
    plain.stage.load_state_dict(run.stage.state_dict())
    expected = plain.stage.eval().score(batch).total
    for row in range(len(batch.label)):
        tokens = batch.tokens[row, :, : batch.lengths[row, 0]]
        logits = run.stage.arch.unembed(run.stage.arch(tokens))[0, :-1]
        expected = expected + 0.5 * F.cross_entropy(logits, tokens[0, 1:])
    torch.testing.assert_close(run.stage.score(batch).total, expected, atol=1e-4, rtol=1e-4)


def test_micro_batches_change_nothing(tmp_path):
    run = run_of(tmp_path, "stage.aux_lm_weight=0.5")
    batch = first(run)
    parts = [run.stage.score(part) for part in batch.split(3)]
    torch.testing.assert_close(sum(part.total for part in parts), run.stage.score(batch).total)
    assert int(run.stage.count(batch)) == 8 == int(sum(part.count for part in parts))


def test_the_order_of_a_pair_has_no_say_when_both_are_read(tmp_path):
    pair = ["data.source.text_pair=other", "data.both_orders=true"]
    run = run_of(tmp_path, *pair)
    batch = first(run)
    turned = batch.map(lambda part: part.flip(1) if part.dim() > 1 else part)
    torch.testing.assert_close(run.stage.scores(batch), run.stage.scores(turned))
    once = run_of(tmp_path, pair[0])
    assert once.data.train_batches()[0].tokens.shape[1] == 1


def choices(folder: Path, *more: str) -> Any:
    rows = [
        {"a": f"y{n}", "b": f"n{n}", "c": "" if n % 3 else "o", "label": "a"} for n in range(80)
    ]
    path = write(folder / "choices.csv", rows)
    keys = [f"data.source.paths={path}", "data.source.text=null", "data.source.choices=[a,b,c]"]
    return run_of(folder, *keys, *more)


def test_choices_share_a_softmax_wherever_they_stand(tmp_path):
    run = choices(tmp_path)
    batch = first(run)
    scores = run.stage.scores(batch)
    assert torch.equal(scores == -torch.inf, batch.lengths == 0)
    turned = batch.map(lambda part: part.flip(1) if part.dim() > 1 else part)
    torch.testing.assert_close(run.stage.scores(turned), scores.flip(1))
    torch.testing.assert_close(
        run.stage.score(batch).total, F.cross_entropy(scores, batch.label, reduction="sum")
    )


@pytest.mark.parametrize(
    ("arch", "rate"), [("gpt_tiny", 3e-3), ("bert_tiny", 3e-3), ("t5_tiny", 1e-2)]
)
def test_every_kind_of_architecture_learns(arch, rate, tmp_path):
    keys = [f"arch={arch}", f"optim.learning_rate={rate}", "budget.steps=60"]
    run = make_run(tmp_path, *overrides(tmp_path, *keys))
    fit(run, 60)
    found = run.stage.val_metrics
    assert found["val/accuracy"] >= 0.9
    assert {"val/label_nats", "val/f1", "val/matthews", "val/recall/yes"} <= found.keys()
    assert [row["class"] for row in run.stage.tables["classes"]] == ["no", "yes"]


def test_choices_and_numbers_are_learned(tmp_path):
    keys = ["optim.learning_rate=3e-3", "budget.steps=30"]
    run = choices(tmp_path, *keys)
    fit(run, 30)
    assert run.stage.val_metrics["val/accuracy"] > 0.9
    run = run_of(tmp_path, *keys, "data.source.label=number", "objective=regression")
    assert float(run.stage.head.linear.bias) == pytest.approx(run.data.mean_value, abs=1e-5)
    fit(run, 30)
    assert run.stage.val_metrics.keys() == {"val/squared_error", "val/pearson", "val/spearman"}


def test_mistakes_are_kept_to_be_read(tmp_path):
    run = run_of(tmp_path)
    torch.nn.init.constant_(run.stage.head.linear.weight, 0.0)
    run.stage.head.linear.bias.data = torch.tensor([0.0, math.log(3.0)])
    fit(run, 1, validate=False)
    run.stage.head.linear.bias.data = torch.tensor([0.0, math.log(3.0)])
    torch.nn.init.constant_(run.stage.head.linear.weight, 0.0)
    trainer = run.hardware.trainer(logger=False)
    trainer.validate(run.stage, datamodule=run.data, verbose=False)
    assert run.stage.samples[0]["prompt"].startswith("n ")
    assert run.stage.samples[0]["continuation"] == "  [said yes (0.75), is no]"


def test_what_the_loss_does_not_read_does_not_train(tmp_path):
    frozen = {}
    for name, more in {
        "bert": ["arch=bert_tiny"],
        "untied": ["arch.tied_embeddings=false"],
        "auxiliary": ["arch.tied_embeddings=false", "stage.aux_lm_weight=0.5"],
    }.items():
        stage = run_of(tmp_path, *more).stage
        frozen[name] = {key for key, p in stage.named_parameters() if not p.requires_grad}
        assert all(p.grad is None for p in stage.parameters()) and stage.training
    assert frozen["untied"] == {"arch.unembedding.weight"} and frozen["auxiliary"] == set()
    assert {"arch.unembedding.bias", "arch.transform.dense.weight"} <= frozen["bert"]
    assert not any(name.startswith("arch.pooler") for name in frozen["bert"])


@pytest.mark.parametrize("arch", ["gpt_tiny", "t5_tiny"])
def test_adapters_train_instead_of_the_architecture(arch, tmp_path):
    run = run_of(tmp_path, f"arch={arch}", "stage.lora_rank=2", "optim.learning_rate=1e-2")
    before = {name: tensor.clone() for name, tensor in run.stage.state_dict().items()}
    fit(run, 4)
    changed = {n for n, t in run.stage.state_dict().items() if not torch.equal(t, before[n])}
    adapters = {n for n in before if n.endswith(("lora_in", "lora_out"))}
    heads = {n for n in before if n.startswith("head.")}
    assert changed == adapters | heads and adapters
    assert {n.split(".")[-2] for n in adapters} == {"query", "value"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["arch=bert_tiny", "stage.aux_lm_weight=0.5"], "which needs a decoder; this"),
        (["stage.aux_lm_weight=-1"], "stage.aux_lm_weight=-1 must be 0 or more"),
        (["arch=t5_tiny", "stage.dropout=0.2"], "stage.dropout=0.2 has no effect on an enc"),
        (
            ["arch=t5_tiny", "objective.label_smoothing=0.1"],
            "objective.label_smoothing has no mean",
        ),
        (["stage.lora_alpha=4"], "have no effect with stage.lora_rank=null"),
        (["stage.lora_rank=0"], "stage.lora_rank=0 must be 1 or more"),
        (["stage.lora_rank=2", "stage.lora_targets=[gate]"], "stage.lora_targets=.* has query"),
        (["objective=regression"], "needs labels that are numbers; these are no, yes"),
        (["data.source.label=number"], "labels that no training example has"),
        (["data.source.label=text", "data.source.max_validation=1"], "is it the right|no training"),
    ],
)
def test_settings_without_effect_and_wrong_labels_raise(keys, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        run_of(tmp_path, *keys)


def test_recalls_of_few_classes_only():
    rows = [{"class": str(n), "examples": n, "right": 1} for n in range(13)]
    assert recalls(rows) == {} and recalls(rows[2:3]) == {"val/recall/2": 0.5}


# ---- whole runs


@pytest.fixture(scope="module", autouse=True)
def _preload():
    kill.PRELOAD += ["lmlab.train"]


def whole_run(folder: Path, *more: str) -> Path:
    from lmlab.check import check_composed
    from lmlab.config import run_folder
    from lmlab.config.compose import Composer
    from lmlab.config.place import find_places
    from tests.stage.posttraining import SMALL

    composer = Composer(find_places())
    composed = composer.compose([*SMALL, f"run.root={folder}", *overrides(folder, *more)])
    check_composed(composed, composer.places)
    made = run_folder.create(composed.cfg, composed.choices, composed.overrides)
    finish(made, False)
    return made


def work(folder: Path, resume: bool) -> int:
    from lmlab import worker

    return worker.run(str(folder / "config.yaml"), resume=resume)


def finish(folder: Path, resume: bool) -> None:
    process = kill.start(work, folder, resume)
    process.join(120)
    assert process.exitcode == 0


def test_a_resumed_run_goes_on_exactly_and_its_adapters_are_added_up(tmp_path):
    keys = ["budget.steps=6", "checkpoint.every_steps=3", "checkpoint.keep=5"]
    folder = whole_run(tmp_path, *keys, "arch.dropout=0.1", "stage.lora_rank=2")
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    shutil.rmtree(again / "checkpoints" / "step-00000006")
    (again / "checkpoints" / "last").write_text("step-00000003")
    finish(again, True)
    assert kill.difference(kill.essence(folder), kill.essence(again)) is None
    state = kill.essence(folder)["state_dict"]
    assert {name.split(".")[0] for name in state} == {"arch", "head"}
    layer = "blocks.0.attention.query"
    added = state[f"arch.{layer}.lora_out"] @ state[f"arch.{layer}.lora_in"] * 2.0
    weights = load_weights(folder)
    assert not any("lora" in name or "head" in name for name in weights)
    torch.testing.assert_close(weights[f"{layer}.weight"], state[f"arch.{layer}.weight"] + added)
    later = make_run(tmp_path, *overrides(tmp_path, f"init_from={folder}", "budget.steps=1"))
    torch.testing.assert_close(
        later.stage.arch.state_dict()[f"{layer}.weight"], weights[f"{layer}.weight"]
    )


def test_tokens_are_those_of_all_shares_of_the_batch(tmp_path):
    run = run_of(tmp_path)
    run.data.world_size = 3
    assert run.stage.step_tokens(first(run)) == 3 * int(first(run).lengths.sum())
