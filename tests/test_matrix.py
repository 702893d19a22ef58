"""Every allowed stage, architecture and objective trains two steps; every other pair explains itself."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import pytest
import torch

from lmlab.build import build
from lmlab.check import check_composed
from lmlab.config import resolve
from lmlab.config.catalog import targets
from lmlab.config.compose import Composer
from lmlab.config.fit import fit_problems
from lmlab.config.matrix import KINDS, architectures, fitting
from lmlab.config.place import find_places

PLACES = find_places()
TINY = ["gpt_tiny", "llama_tiny", "bert_tiny", "t5_tiny", "bart_tiny", "transformer_tiny"]
SMALL = [
    "track=none",
    "arch.num_layers=1",
    "arch.width=32",
    "arch.num_heads=2",
    "batch.sequences=4",
    "batch.micro_sequences=2",
    "hardware=cpu",
    "hardware.precision=fp32",
    "hardware.threads=1",
    "budget.steps=2",
    "stage.num_validations=1",
    "data.num_workers=0",
]
DRAWN = [
    "tokenizer=bytes",
    "stage.num_samples=2",
    "stage.max_new_tokens=4",
    "stage.validation_prompts=2",
    "data.source.num_validation=8",
]
# What keeps a stage's two steps short, by stage.
SHORT: dict[str, list[str]] = {
    "pretrain": ["data=grammar", "tokenizer=bytes", "arch.max_seq_len=64", "stage.sample_tokens=2"],
    "sft": ["tokenizer=bytes", "stage.num_generated=2", "stage.max_new_tokens=4"],
    "rm": ["tokenizer=bytes", "data.source.num_train=40"],
    "ppo": DRAWN,
    "grpo": DRAWN,
    "reinforce": DRAWN,
    "dpo": ["tokenizer=bytes", "stage.num_generated=2", "data.source.num_train=40"],
    "classify": ["tokenizer=bytes", "data.source.num_train=80", "data.source.num_validation=8"],
}
# And what an objective needs of the data.
NEEDS = {"regression": ["data.source.label=words"]}


def allowed() -> list[tuple[str, str, str]]:
    kinds = {name: kind for kind, names in architectures(PLACES).items() for name in names}
    return [
        (stage, arch, objective)
        for stage, rows in fitting(PLACES).items()
        if stage in SHORT
        for arch in TINY
        for objective in rows.get(kinds[arch], [])
    ]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


class FirstLoss(L.Callback):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer: Any, stage: Any, *_: Any) -> None:
        self.losses.append(stage.latest["train/loss_nats"])


@pytest.mark.parametrize(("stage", "arch", "objective"), allowed())
def test_two_steps(stage, arch, objective, tmp_path):
    composer = Composer(PLACES)
    overrides = [f"stage={stage}", f"arch={arch}", f"objective={objective}", *SMALL]
    composed = composer.compose(
        [*overrides, *SHORT[stage], *NEEDS.get(objective, []), f"run.root={tmp_path}"]
    )
    check_composed(composed, PLACES)
    config = resolve.plain(composed.cfg)
    run = build(config)
    torch.manual_seed(0)
    first = FirstLoss()
    trainer = run.hardware.trainer(
        max_steps=2,
        max_epochs=-1,
        logger=False,
        callbacks=[first],
        num_sanity_val_steps=0,
        val_check_interval=2,
        check_val_every_n_epoch=None,
        limit_val_batches=1,
    )
    trainer.fit(run.stage, datamodule=run.data)
    assert len(first.losses) == 2 and all(map(math.isfinite, first.losses))
    assert all(map(math.isfinite, run.stage.val_metrics.values()))
    if stage in ("pretrain", "sft"):
        uniform = math.log(run.tokenizer.vocab.size)
        uniform += math.log(2) if objective == "mlm_nsp" else 0.0
        assert first.losses[0] == pytest.approx(uniform, abs=0.1)


@pytest.fixture(scope="module")
def stages() -> dict[str, dict[str, Any]]:
    """The resolved configuration of every stage, whatever its architecture."""
    composer = Composer(PLACES)
    rows = fitting(PLACES)
    return {name: resolve.plain(composer.compose([f"stage={name}"]).cfg) for name in rows}


def test_every_other_pair_raises_its_message(stages):
    rows, archs = fitting(PLACES), architectures(PLACES)
    arch_targets, objective_targets = targets(PLACES, "arch"), targets(PLACES, "objective")
    for stage, tree in stages.items():
        for kind in KINDS:
            arch = archs[kind][0]
            for objective, target in objective_targets.items():
                node = {"_target_": arch_targets[arch]}
                changed = tree | {"arch": node, "objective": {"_target_": target}}
                problems = [
                    problem
                    for problem in fit_problems(changed, PLACES)
                    if problem.path in ("arch", "objective")
                ]
                fits = objective in rows[stage].get(kind, [])
                assert bool(problems) != fits, (stage, kind, objective)
                assert all(problem.text for problem in problems)
