"""What a way of sharing the hardware cannot train is said before anything is built."""

from __future__ import annotations

import pytest

from lmlab.check import check_composed
from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import find_places

PLACES = find_places()
WHOLE = (
    "needs the whole model in every process, and hardware={} divides it; did you mean hardware=ddp"
)
HEAD = "trains a head beside its {}, and hardware=mesh lays out architectures only; did you mean hardware=fsdp2 or hardware=ddp"
DIVIDED = ("fsdp", "fsdp2", "mesh", "deepspeed")


def refusal(*overrides: str) -> str:
    """What the check says; nothing where it passes."""
    composer = Composer(PLACES)
    try:
        check_composed(composer.compose(list(overrides)), PLACES)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("stage", ["dpo", "ppo", "grpo", "reinforce"])
def test_stages_that_sum_their_gradients_themselves_need_the_whole_model(stage):
    for hardware in DIVIDED:
        assert WHOLE.format(hardware) in refusal(f"stage={stage}", f"hardware={hardware}")
    assert refusal(f"stage={stage}", "hardware=ddp") == ""


@pytest.mark.parametrize("stage", ["rm", "classify"])
def test_a_mesh_takes_no_head_beside_an_architecture(stage):
    assert HEAD.format("decoder") in refusal(f"stage={stage}", "hardware=mesh")
    assert HEAD.format("encoder") in refusal(f"stage={stage}", "hardware=mesh", "arch=bert_tiny")
    for hardware in ("ddp", "fsdp", "fsdp2", "deepspeed"):
        assert refusal(f"stage={stage}", f"hardware={hardware}") == ""


def test_labels_as_words_train_no_head():
    assert refusal("stage=classify", "arch=t5_tiny", "hardware=mesh") == ""


def test_deepspeed_takes_one_optimizer():
    said = refusal("optim=muon", "hardware=deepspeed")
    assert "optimizer Muon is 2 optimizers, and hardware=deepspeed takes one" in said
    assert refusal("optim=muon", "hardware=fsdp2") == ""


def test_what_trains_nothing_runs_in_one_process():
    said = refusal("stage=generate", "hardware=ddp")
    assert "stage Generate trains nothing and runs in one process, and these are 2" in said
    assert refusal("stage=generate", "hardware=auto") == ""


def test_a_plan_may_be_of_any_hardware():
    assert refusal("stage=plan", "hardware=mesh") == ""
