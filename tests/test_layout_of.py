"""Options of `hardware` as layouts of a plan."""

from __future__ import annotations

from typing import Any

import pytest

from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.layout_of import asked_of
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.subject import Asked


def asked(*words: str) -> Asked:
    node: dict[str, Any] = resolve.plain(Composer(find_places()).compose(list(words)).cfg)
    return asked_of(node["hardware"])


@pytest.mark.parametrize(
    ("words", "layout"),
    [
        (["hardware=auto"], Layout()),
        (
            ["hardware=gpu", "hardware.activation_checkpointing=blocks"],
            Layout(checkpointing="blocks"),
        ),
        (["hardware=ddp", "hardware.devices=8"], Layout(data=8)),
        (["hardware=fsdp", "hardware.devices=8"], Layout(zero=3, data=8, gathered_bytes=2)),
        (
            ["hardware=fsdp2", "hardware.devices=8", "hardware.replicas=2"],
            Layout(zero=3, data=8, replicas=2, gathered_bytes=4),
        ),
        (
            [
                "hardware=fsdp2",
                "hardware.reshard_after_forward=false",
                "hardware.reduce_every=step",
            ],
            Layout(zero=3, data=2, gathered_bytes=4, keeps_blocks=True, keeps_gradients=True),
        ),
        (
            ["hardware=fsdp", "hardware.cpu_offload=true"],
            Layout(zero=3, data=2, gathered_bytes=2, offload="all"),
        ),
        (
            ["hardware=deepspeed", "hardware.zero_stage=1", "hardware.offload_optimizer=true"],
            Layout(zero=1, data=2, precision="bf16_master", offload="optimizer"),
        ),
        (["hardware=mesh"], Layout(data=2, tensor=4, gathered_bytes=4, buckets=False)),
        (
            ["hardware=mesh", "hardware.rules.embed=data"],
            Layout(zero=3, data=2, tensor=4, gathered_bytes=4, buckets=False),
        ),
        (["hardware=tpu"], Layout(precision="bf16")),
        (["hardware=tpu_pod"], Layout(data=16, precision="bf16")),
    ],
)
def test_every_option(words, layout):
    found = asked(*words)
    assert found.layout == layout and found.refusal == ""
    assert found.num_devices == layout.num_devices


def test_what_else_is_asked_for():
    found = asked("hardware=fsdp2", "hardware.precision=fp32", "hardware.accelerator=cpu")
    assert (found.precision, found.accelerator) == ("fp32", "cpu")
    assert asked("hardware=tpu").accelerator == "tpu"


def test_several_devices_without_a_strategy_leave_the_layout_open():
    found = asked("hardware.nodes=4", "hardware.activation_checkpointing=blocks")
    assert found.layout is None and found.refusal == "" and found.checkpointing == "blocks"
    assert "hardware=fsdp2" in found.note
    assert "several TPU cores is refused" in asked("hardware=tpu_pod").note


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hardware.rules.heads=null"], r"heads: null.*cannot be planned: a plan knows heads, mlp"),
        (["hardware.rules.embed=model"], "embed on batch's axis or null"),
        (["hardware.rules.batch=null"], "hardware.mesh.data=2 cannot be planned"),
        (["hardware.devices=4"], "is 8 processes"),
    ],
)
def test_what_no_plan_knows_is_refused(words, said):
    import re

    found = asked("hardware=mesh", *words)
    assert found.layout is None and re.search(said, found.refusal)
