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
from tests.stage.posttraining import make_run

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


ASKED = [
    (arch, objective)
    for arch in TINY
    for objective in fitting(PLACES)["fill_mask"].get(
        next(kind for kind, names in architectures(PLACES).items() if arch in names), []
    )
]


@pytest.mark.parametrize(("arch", "objective"), ASKED)
def test_every_architecture_fills_blanks_as_its_objectives_taught_it(arch, objective, tmp_path):
    small = [text for text in SMALL if text.startswith(("arch", "hardware"))]
    keys = [f"arch={arch}", f"objective={objective}", "stage.prompts=['a ___ b']", "stage.k=2"]
    run = make_run(tmp_path, "stage=fill_mask", *keys, *small)
    run.stage.arch.eval()
    run.stage.perform(torch.device("cpu"))
    (fills,) = run.stage.rows[0]["fills"]
    assert fills and all(0 <= probability <= 1 for _, probability in fills)


@pytest.fixture(scope="module")
def stages() -> dict[str, dict[str, Any]]:
    """The resolved configuration of every stage, whatever its architecture."""
    composer = Composer(PLACES)
    rows = fitting(PLACES)
    return {name: resolve.plain(composer.compose([f"stage={name}"]).cfg) for name in rows}


def problems_of(tree: dict[str, Any], arch: str, objective: str) -> list[Any]:
    """What is said of this pair of targets in that stage."""
    nodes = {"arch": {"_target_": arch}, "objective": {"_target_": objective}}
    found = fit_problems(tree | nodes, PLACES)
    return [problem for problem in found if problem.path in nodes]


def test_every_other_pair_raises_a_message_that_says_what_would_do(stages):
    rows, archs = fitting(PLACES), architectures(PLACES)
    arch_targets, objective_targets = targets(PLACES, "arch"), targets(PLACES, "objective")
    asked = 0
    for stage, tree in stages.items():
        for kind in KINDS:
            one_a_class = {arch_targets[name]: name for name in reversed(archs[kind])}
            for arch in one_a_class:
                for objective, target in objective_targets.items():
                    problems = problems_of(tree, arch, target)
                    fits = objective in rows[stage].get(kind, [])
                    assert bool(problems) != fits, (stage, arch, objective)
                    assert all(problem.text and problem.hint for problem in problems)
                    asked += 1
    assert asked > 1000


def test_what_a_message_proposes_fits(stages):
    """The first option that each message names makes a pair that stands in the matrix."""
    rows, archs = fitting(PLACES), architectures(PLACES)
    arch_targets, objective_targets = targets(PLACES, "arch"), targets(PLACES, "objective")
    for stage, tree in stages.items():
        for kind, row in rows[stage].items():
            for objective, target in objective_targets.items():
                problems = problems_of(tree, arch_targets[archs[kind][0]], target)
                if len(problems) != 1 or "objective=" not in problems[0].hint:
                    continue
                named = problems[0].hint.partition("objective=")[2].split("|")[0].split(" ")[0]
                assert named in row, (stage, kind, objective, problems[0].hint)


def test_an_encoder_without_a_pooler_has_no_next_sentences():
    tree = resolve.plain(Composer(PLACES).compose(["arch=roberta", "objective=mlm_nsp"]).cfg)
    (problem,) = [each for each in fit_problems(tree, PLACES) if each.path == "objective"]
    assert "next-sentence head" in problem.text and "objective=mlm" in problem.hint
