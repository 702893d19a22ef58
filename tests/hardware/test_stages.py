"""Stages on a divided model: two processes train, validate and end as one does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmlab.check import check_composed
from lmlab.config import run_folder
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from tests.data.labelled_material import many, write
from tests.hardware.ranks import ranks, work
from tests.stage.posttraining import SMALL

# 7 validation examples are 4 and 3, and so 4 and 3 forward passes of one sequence.
SHORT = [
    *SMALL,
    "arch.dropout=0.0",
    "batch.sequences=4",
    "batch.micro_sequences=1",
    "budget.epochs=null",
    "budget.steps=2",
    "stage.num_validations=1",
]
LABELS = ["data=classification", "stage.dropout=0.0", "data.seq_len=32", "arch.max_seq_len=32"]
STAGES = {
    "sft": ["data.source.num_validation=7", "stage.num_generated=2", "stage.max_new_tokens=3"],
    "rm": ["data.source.num_train=20", "data.source.questions.num_validation=7"],
    # 31 pairs are 8 and 8, and 8 and 7: alone, those would be passes by length of another number.
    "rm many": [
        "data.source.num_train=40",
        "data.source.questions.num_validation=31",
        "batch.sequences=16",
        "batch.micro_sequences=8",
        "data.validation_sequences=16",
    ],
    "classify": LABELS,
    "classify bert": [*LABELS, "arch=bert_tiny"],
}


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


def trained(root: Path, number: int, *overrides: str) -> dict[str, float]:
    """What a run of so many processes says of itself at its end."""
    composer = Composer(find_places())
    composed = composer.compose([*SHORT, f"run.root={root}", *overrides])
    check_composed(composed, composer.places)
    folder = run_folder.create(composed.cfg, composed.choices, composed.overrides)
    assert ranks(number, work, str(folder / "config.yaml"), False) == [0] * number
    return json.loads((folder / "metrics.json").read_text())


def words_of(case: str, folder: Path) -> list[str]:
    words = [f"stage={case.split()[0]}", *STAGES[case]]
    if case.startswith("classify"):
        write(folder / "a.csv", many(74))
        write(folder / "b.csv", many(7))
        words += [
            f"data.source.paths={folder}/a.csv",
            f"data.source.validation_paths={folder}/b.csv",
        ]
    return words


@pytest.mark.parametrize("case", STAGES)
def test_two_processes_with_parts_of_a_model_validate_as_one(case, tmp_path):
    words = words_of(case, tmp_path)
    alone = trained(tmp_path, 1, *words)
    shared = trained(tmp_path, 2, *words, "hardware=fsdp2", "hardware.accelerator=cpu")
    figures = [name for name in alone if name.startswith("val/")]
    assert "val/accuracy" in figures or "val/loss_nats" in figures
    for name in figures:
        assert shared[name] == pytest.approx(alone[name], abs=2e-4), name
    tokens = "progress/tokens"  # those of one share, times the shares
    assert shared[tokens] == pytest.approx(alone[tokens], rel=0.3)


def test_a_mesh_counts_the_tokens_of_a_shared_batch_once_and_writes_answers(tmp_path):
    words = ["stage=sft", "arch=t5_tiny", *STAGES["sft"]]
    alone = trained(tmp_path, 1, *words)
    mesh = ["hardware.mesh.data=1", "hardware.mesh.model=2", "hardware.rules.vocab=null"]
    machine = ["hardware=mesh", "hardware.accelerator=cpu", "hardware.devices=2"]
    shared = trained(tmp_path, 2, *words, *machine, *mesh)
    assert shared["progress/tokens"] == alone["progress/tokens"]
    for name in ("val/loss_nats", "val/generated", "val/token_f1"):
        assert shared[name] == pytest.approx(alone[name], abs=2e-4), name
