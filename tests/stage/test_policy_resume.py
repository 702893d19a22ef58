"""Every policy stage, stopped and resumed, ends bit for bit as if it had not been."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lmlab.check import check_composed
from lmlab.config import run_folder
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.io.checkpoint import folder_name
from tests.io import kill

SMALL = [
    "tokenizer=bytes",
    "track=none",
    "arch.num_layers=1",
    "arch.width=16",
    "arch.num_heads=2",
    "arch.dropout=0.1",
    "batch.sequences=4",
    "hardware=cpu",
    "hardware.precision=fp32",
    "hardware.threads=1",
    "checkpoint.every_steps=5",
    "checkpoint.keep=99",
    "stage.num_validations=2",
    "stage.max_new_tokens=6",
    "data.source.num_validation=16",
]
DRAWN = ["arch.max_seq_len=192", "stage.validation_prompts=8", "reward=length"]
PPO = ["stage=ppo", *DRAWN, "stage.epochs=2", "stage.minibatches=2", "stage.num_samples=2"]
STAGES = {
    "ppo_v0": [*PPO, "stage.variant=v0"],
    "ppo_kl": [*PPO, "stage.kl_target=1.0", "stage.kl_horizon=8", "optim=muon"],
    "ppo_ptx": [
        *PPO,
        "stage.variant=ptx",
        "stage.ptx_schedule=alternating",
        "stage.shared_trunk=true",
        "data@stage.pretraining=grammar",
        "stage.pretraining.source.num_documents=200",
    ],
    "grpo": ["stage=grpo", *DRAWN, "stage.num_samples=4", "stage.epochs=2", "stage.lora_rank=2"],
    "reinforce": ["stage=reinforce", *DRAWN, "stage.num_samples=4", "stage.kl_coefficient=0.1"],
    "dpo": [
        "stage=dpo",
        "arch.max_seq_len=192",
        "stage.num_generated=2",
        "data.source.num_train=64",
    ],
}


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def run(folder: Path, resume: bool) -> None:
    from lmlab import worker

    assert worker.run(str(folder / "config.yaml"), resume=resume) == 0


def resumed_equals_whole(root: Path, steps: int, stop: int, overrides: list[str]) -> None:
    composer = Composer(find_places())
    overrides = [item for item in overrides if item.split("=")[0] != "run.root"]
    composed = composer.compose([*overrides, f"run.root={root}", f"budget.steps={steps}"])
    check_composed(composed, composer.places)
    whole = run_folder.create(composed.cfg, composed.choices, composed.overrides)
    run(whole, False)
    stopped = root / "stopped"
    shutil.copytree(whole, stopped)
    for path in (stopped / "checkpoints").glob("step-*"):
        if path.name > folder_name(stop):
            shutil.rmtree(path)
    (stopped / "checkpoints" / "last").write_text(folder_name(stop) + "\n")
    run(stopped, True)
    assert kill.difference(kill.essence(whole), kill.essence(stopped)) is None
    assert sorted(p.name for p in (stopped / "checkpoints").iterdir()) == sorted(
        p.name for p in (whole / "checkpoints").iterdir()
    )


@pytest.mark.parametrize("stage", STAGES)
def test_resuming_changes_no_bit(tmp_path, stage):
    overrides = [*STAGES[stage], *SMALL]
    if stage == "dpo":
        overrides = [o for o in overrides if "data.source.num_validation" not in o]
        overrides += ["budget.epochs=null", "budget.minutes=null"]
    resumed_equals_whole(tmp_path, 7, 5, [*overrides, "batch.micro_sequences=2"])


@pytest.mark.slow
@pytest.mark.parametrize("stop", [5, 20, 35])
@pytest.mark.parametrize("accumulation", [1, 4])
@pytest.mark.parametrize("stage", STAGES)
def test_forty_steps_with_a_save_at_every_fifth(tmp_path, stage, accumulation, stop):
    overrides = [*STAGES[stage], *SMALL]
    if stage == "dpo":
        overrides = [o for o in overrides if "data.source.num_validation" not in o]
        overrides += ["budget.epochs=null", "budget.minutes=null"]
    rows = 4 if stage == "dpo" else 16 if "reinforce" in stage or stage == "grpo" else 4
    micro = f"batch.micro_sequences={rows // accumulation}"
    resumed_equals_whole(tmp_path, 40, stop, [*overrides, micro])
